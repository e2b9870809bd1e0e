#include "ledger/log.h"

/// The ledger of a daemon that is measured without one. It stands in the place of ledger/log.cpp
/// when clawsignerd_unlogged is linked; clawsignerd has no way to choose it.
namespace clawsigner::ledger {
namespace {

class NoLog final : public Log {
public:
    void submit(std::shared_ptr<Submission> submission) override {
        submission->answer(
            std::vector<Outcome>(submission->entries().size(), Outcome(Recorded{0})));
    }
    void note(claw::LeafContent) override {}
    std::optional<Outcome> foresee(const claw::ArtefactLeaf&, std::size_t) override {
        return std::nullopt;
    }
    Status ready() const override { return Status::done(); }
    LogStatus status() const override { return {}; }
    std::shared_ptr<const claw::Settings> settings() const override { return settings_; }
    Head head() const override { return head_; }
    Status publish(Published, Deadline) override { return Status::done(); }
    std::shared_ptr<const Published> published() const override { return nullptr; }
    Result<std::vector<claw::TreeHash>> tile(const claw::TileId&) override { return nothing(); }
    Result<std::vector<std::string>> leaves(std::uint64_t, std::size_t) override {
        return nothing();
    }
    Result<std::uint64_t> leaf_of(crypto::Family, std::string_view) override { return nothing(); }
    Result<Head> close(Deadline) override { return head_; }

private:
    static Error nothing() { return {ErrorCode::not_found, "nothing is recorded"}; }

    Head head_ = std::make_shared<const claw::TileTree>();
    std::shared_ptr<const claw::Settings> settings_ = std::make_shared<const claw::Settings>();
};

}  // namespace

Result<std::unique_ptr<Log>> Log::open(Options) {
    return std::unique_ptr<Log>(std::make_unique<NoLog>());
}

}  // namespace clawsigner::ledger
