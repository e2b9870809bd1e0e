#pragma once

#include "base/clock.h"
#include "support/swtpm.h"
#include "support/watched_states.h"
#include "tpm/tpm_backend.h"

namespace clawsigner::tests {

/// A TPM's backend whose changes of state a test can wait for.
class WatchedTpm : public WatchedStates {
public:
    explicit WatchedTpm(const tpm::TpmSettings& settings)
        : backend_(settings,
                   {std::chrono::milliseconds(1), std::chrono::milliseconds(20), observer()},
                   clock_) {}

    tpm::TpmBackend& operator*() { return backend_; }
    tpm::TpmBackend* operator->() { return &backend_; }

private:
    base::SystemClock clock_;
    tpm::TpmBackend backend_;
};

/// A store of a TPM that is open and holds one native key, version 1 of `gateway_receipt`.
struct ServingTpm {
    explicit ServingTpm(const tpm::TpmSettings& settings)
        : backend(settings), key(first_key(backend)) {}

    WatchedTpm backend;
    hsm::StoredKey key;

private:
    static hsm::StoredKey first_key(WatchedTpm& backend) {
        backend.next(hsm::BackendState::ready);
        return backend->generate({crypto::Family::gateway_receipt, 1}, crypto::Algorithm::p256)
            .value();
    }
};

}  // namespace clawsigner::tests
