#pragma once

#include "base/clock.h"
#include "tpm/tpm_backend.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>

namespace clawsigner::tests {

/// A TPM's backend whose changes of state a test can wait for.
class WatchedTpm {
public:
    explicit WatchedTpm(const tpm::TpmSettings& settings)
        : backend_(settings,
                   {std::chrono::milliseconds(1), std::chrono::milliseconds(20),
                    [this](const auto& status) { note(status); }},
                   clock_) {}

    tpm::TpmBackend& operator*() { return backend_; }
    tpm::TpmBackend* operator->() { return &backend_; }

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

private:
    void note(const hsm::BackendStatus& status) {
        {
            const std::lock_guard lock(mutex_);
            seen_.push_back(status);
        }
        changed_.notify_all();
    }

    base::SystemClock clock_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<hsm::BackendStatus> seen_;
    tpm::TpmBackend backend_;
};

}  // namespace clawsigner::tests
