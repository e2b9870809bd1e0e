#include "claw/log_state.h"
#include "ledger/log.h"

#include <mutex>

/// The ledger of a daemon that is measured without one. It stands in the place of ledger/log.cpp
/// when clawsignerd_unlogged is linked; clawsignerd has no way to choose it.
namespace clawsigner::ledger {
namespace {

class NoLog final : public Log {
public:
    void submit(std::shared_ptr<Submission> submission) override {
        for (const Entry& entry : submission->entries()) {
            for (const Item& item : entry.items) {
                take(item.leaf);
            }
        }
        submission->answer(
            std::vector<Outcome>(submission->entries().size(), Outcome(Recorded{0})));
    }
    void note(claw::LeafContent) override {}
    std::optional<Outcome> foresee(const claw::ArtefactLeaf&, std::size_t) override {
        return std::nullopt;
    }
    Status ready() const override { return Status::done(); }
    LogStatus status() const override { return {}; }
    std::shared_ptr<const claw::Settings> settings() const override {
        const std::lock_guard lock(mutex_);
        return state_.shared_settings();
    }
    Result<std::string> document(const crypto::Sha256&) override { return nothing(); }
    Head head() const override { return head_; }
    Result<UnixMillis> latest_time() override { return UnixMillis(); }
    Status publish(Published, Deadline) override { return Status::done(); }
    std::shared_ptr<const Published> published() const override { return nullptr; }
    Result<std::vector<claw::TreeHash>> tile(const claw::TileId&) override { return nothing(); }
    Result<std::vector<std::string>> leaves(std::uint64_t, std::size_t) override {
        return nothing();
    }
    Result<std::uint64_t> leaf_of(crypto::Family, std::string_view) override { return nothing(); }
    Result<std::string> body_of(crypto::Family, std::string_view) override { return nothing(); }
    Result<Head> close(Deadline) override { return head_; }

private:
    /// Acts are remembered: a daemon without its state would not sign.
    void take(const claw::LeafContent& content) {
        if (!std::holds_alternative<claw::ActLeaf>(content)) {
            return;
        }
        const auto rows = claw::rows_of(0, {UnixMillis(), content});
        const std::lock_guard lock(mutex_);
        (void)state_.add(*rows);
    }
    static Error nothing() { return {ErrorCode::not_found, "nothing is recorded"}; }

    Head head_ = std::make_shared<const claw::TileTree>();
    mutable std::mutex mutex_;
    claw::LogState state_;
};

}  // namespace

Result<std::unique_ptr<Log>> Log::open(Options) {
    return std::unique_ptr<Log>(std::make_unique<NoLog>());
}

}  // namespace clawsigner::ledger
