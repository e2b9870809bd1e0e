#pragma once

#include "base/clock.h"
#include "pkcs11/token_backend.h"
#include "support/softhsm.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>

namespace clawsigner::tests {

/// A backend whose changes of state a test can wait for.
class Watched {
public:
    explicit Watched(const SoftHsm& hsm) : Watched(hsm.settings(), hsm.dir() / "memory") {}
    Watched(const pkcs11::TokenSettings& settings, const std::filesystem::path& memory)
        : backend_(settings,
                   {std::chrono::milliseconds(20), std::chrono::milliseconds(20),
                    [this](const auto& status) { note(status); }, memory},
                   clock_) {}

    pkcs11::TokenBackend& operator*() { return backend_; }
    pkcs11::TokenBackend* operator->() { return &backend_; }

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
        REQUIRE(changed_.wait_for(lock, std::chrono::seconds(10), seen));
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

    base::SystemClock clock_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<hsm::BackendStatus> seen_;
    pkcs11::TokenBackend backend_;
};

}  // namespace clawsigner::tests
