#pragma once

#include "hsm/backend.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>

namespace clawsigner::tests {

/// The changes of a store's state, for a test to wait for.
class WatchedStates {
public:
    hsm::StateObserver observer() {
        return [this](const hsm::BackendStatus& status) { note(status); };
    }

    /// The next state of this kind not yet waited for.
    hsm::BackendStatus next(hsm::BackendState state) {
        std::unique_lock lock(mutex_);
        hsm::BackendStatus found;
        const auto seen = [&] {
            while (!seen_.empty()) {
                found = seen_.front();
                seen_.pop_front();
                if (found.state == state) {
                    return true;
                }
            }
            return false;
        };
        REQUIRE(changed_.wait_for(lock, std::chrono::seconds(20), seen));
        return found;
    }

    /// Has it changed since the state that was last waited for?
    bool changed() {
        const std::lock_guard lock(mutex_);
        return !seen_.empty();
    }

private:
    void note(const hsm::BackendStatus& status) {
        {
            const std::lock_guard lock(mutex_);
            seen_.push_back(status);
        }
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<hsm::BackendStatus> seen_;
};

}  // namespace clawsigner::tests
