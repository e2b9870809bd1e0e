#pragma once

#include "ledger/log.h"

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace clawsigner::tests {

/// A log in front of another, whose disk can be made to hang: what it has taken by then goes to the
/// disk when it is let go on, also when nobody waits any more.
class HeldLog final : public ledger::Log {
public:
    /// `log` outlives it.
    explicit HeldLog(ledger::Log& log) : log_(log) {}

    /// After so many more submissions the disk hangs.
    void hold_after(int submissions) {
        const std::lock_guard lock(mutex_);
        until_held_ = submissions;
        holds_ = true;
    }
    void let_go_on() {
        std::vector<std::shared_ptr<ledger::Submission>> held;
        {
            const std::lock_guard lock(mutex_);
            holds_ = false;
            held.swap(held_);
        }
        for (auto& submission : held) {
            auto outcomes = ledger::record(log_, submission->entries(),
                                           base::deadline_in(std::chrono::seconds(10)));
            submission->answer(*std::move(outcomes));
        }
    }

    /// As after a kill: what it has taken never goes to the disk.
    void drop() {
        const std::lock_guard lock(mutex_);
        holds_ = false;
        held_.clear();
    }

    void submit(std::shared_ptr<ledger::Submission> submission) override {
        {
            const std::lock_guard lock(mutex_);
            if (holds_ && until_held_-- <= 0) {
                held_.push_back(std::move(submission));
                return;
            }
        }
        log_.submit(std::move(submission));
    }
    void note(claw::LeafContent leaf) override { log_.note(std::move(leaf)); }
    std::optional<ledger::Outcome> foresee(const claw::ArtefactLeaf& leaf,
                                           std::size_t items) override {
        return log_.foresee(leaf, items);
    }
    Status ready() const override { return log_.ready(); }
    ledger::LogStatus status() const override { return log_.status(); }
    std::shared_ptr<const claw::Settings> settings() const override { return log_.settings(); }
    Result<std::string> document(const crypto::Sha256& digest) override {
        return log_.document(digest);
    }
    ledger::Head head() const override { return log_.head(); }
    Result<UnixMillis> latest_time() override { return log_.latest_time(); }
    Status publish(ledger::Published published, Deadline deadline) override {
        return log_.publish(std::move(published), deadline);
    }
    std::shared_ptr<const ledger::Published> published() const override { return log_.published(); }
    Result<std::vector<claw::TreeHash>> tile(const claw::TileId& id) override {
        return log_.tile(id);
    }
    Result<std::vector<std::string>> leaves(std::uint64_t first, std::size_t count) override {
        return log_.leaves(first, count);
    }
    Result<std::uint64_t> leaf_of(crypto::Family family, std::string_view id) override {
        return log_.leaf_of(family, id);
    }
    Result<std::string> body_of(crypto::Family family, std::string_view id) override {
        return log_.body_of(family, id);
    }
    Result<ledger::Head> close(Deadline deadline) override { return log_.close(deadline); }

private:
    ledger::Log& log_;
    std::mutex mutex_;
    bool holds_ = false;
    int until_held_ = 0;
    std::vector<std::shared_ptr<ledger::Submission>> held_;
};

}  // namespace clawsigner::tests
