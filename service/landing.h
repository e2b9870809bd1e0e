#pragma once

#include "ledger/log.h"

#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace clawsigner::service {

/// An entry on its way to the disk, and what is done on the ledger's thread when it is there,
/// unless whoever waits has given up by then.
class Landing {
public:
    Landing(ledger::Entry entry, std::function<void()> take) : shared_(std::make_shared<Shared>()) {
        shared_->take = std::move(take);
        submission_ = std::make_shared<ledger::Submission>(std::vector{std::move(entry)},
                                                           [shared = shared_] { shared->land(); });
        shared_->submission = submission_.get();
    }

    Status wait(ledger::Log& log, Deadline deadline) {
        auto landed = shared_->landed.get_future();
        log.submit(submission_);
        if (landed.wait_until(deadline) == std::future_status::ready) {
            const ledger::Outcome& outcome = submission_->outcomes().front();
            return outcome.status();
        }
        submission_->abandon();
        const std::lock_guard lock(shared_->mutex);
        shared_->take = nullptr;
        given_up_ = submission_;
        return Error(ErrorCode::ledger_blocked, "the ledger's disk did not answer in time");
    }

    /// What was not answered in time, for as long as the ledger keeps it.
    std::weak_ptr<ledger::Submission> given_up() const { return given_up_; }

private:
    struct Shared {
        void land() {
            const std::lock_guard lock(mutex);
            if (take != nullptr && submission->outcomes().front().ok()) {
                take();
            }
            landed.set_value();
        }
        std::mutex mutex;
        std::function<void()> take;
        const ledger::Submission* submission = nullptr;
        std::promise<void> landed;
    };

    std::shared_ptr<Shared> shared_;
    std::shared_ptr<ledger::Submission> submission_;
    std::weak_ptr<ledger::Submission> given_up_;
};

}  // namespace clawsigner::service
