#pragma once

#include "base/clock.h"
#include "pkcs11/token_backend.h"
#include "support/softhsm.h"
#include "support/watched_states.h"

namespace clawsigner::tests {

/// A backend whose changes of state a test can wait for.
class Watched : public WatchedStates {
public:
    explicit Watched(const SoftHsm& hsm) : Watched(hsm.settings(), hsm.dir() / "memory") {}
    Watched(const pkcs11::TokenSettings& settings, const std::filesystem::path& memory)
        : backend_(
              settings,
              {std::chrono::milliseconds(20), std::chrono::milliseconds(20), observer(), memory},
              clock_) {}

    pkcs11::TokenBackend& operator*() { return backend_; }
    pkcs11::TokenBackend* operator->() { return &backend_; }

private:
    base::SystemClock clock_;
    pkcs11::TokenBackend backend_;
};

}  // namespace clawsigner::tests
