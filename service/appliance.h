#pragma once

#include "base/clock.h"
#include "hsm/backend.h"
#include "hsm/keyring.h"
#include "ledger/log.h"
#include "service/prober.h"

#include <chrono>
#include <string>
#include <vector>

namespace clawsigner::service {

class Approvals;
class Checkpointer;
class DecisionSeal;
class Lifecycle;
class Policies;
class Powers;
class PresentedTokens;
class Proofs;
class Refusals;

struct SigningLimits {
    std::chrono::seconds timestamp_skew{300};
    std::chrono::milliseconds deadline{2000};  // for a signature
    std::chrono::milliseconds ledger{2000};    // for its leaf to be on disk
};

/// A key store under the name the configuration gives it.
struct NamedBackend {
    std::string name;
    hsm::Backend* backend = nullptr;
};

/// What the operations stand on. Wired once at start; everything pointed to outlives it and is
/// thread-safe.
struct Appliance {
    /// The name of the store a family's keys live in; empty for a family that has none.
    std::string backend_name(crypto::Family family) const;

    const Clock* clock = nullptr;
    /// The same clock, for what is judged by time and must not come back when it is put back.
    const base::WatchedClock* time = nullptr;
    hsm::Keyring* keyring = nullptr;
    Lifecycle* lifecycle = nullptr;
    Approvals* approvals = nullptr;
    Powers* powers = nullptr;
    Policies* policies = nullptr;
    PresentedTokens* presented = nullptr;
    const DecisionSeal* seal = nullptr;
    Prober* prober = nullptr;
    ledger::Log* ledger = nullptr;
    Refusals* refusals = nullptr;
    Checkpointer* checkpointer = nullptr;
    Proofs* proofs = nullptr;
    std::vector<NamedBackend> backends;
    std::vector<crypto::Family> families;
    SigningLimits limits;
    UnixMillis started;
};

}  // namespace clawsigner::service
