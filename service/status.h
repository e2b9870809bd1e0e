#pragma once

#include "service/appliance.h"
#include "service/readiness.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace clawsigner::service {

struct BackendReport {
    std::string name;
    hsm::BackendStatus status;
};

struct FamilyReport {
    crypto::Family family{};
    std::string backend;
    std::optional<crypto::KeyIdentity> key;
    Readiness readiness;
    std::optional<UnixMillis> last_probe;
};

/// Everything an operator wants to know at a glance.
struct StatusReport {
    UnixMillis started;
    std::vector<BackendReport> backends;
    std::vector<FamilyReport> families;
    ledger::LogStatus ledger;
    std::optional<std::string> origin;        // of the log; none before its first checkpoint
    std::optional<std::string> log_key;       // its verifier key, likewise
    std::uint64_t pruned = 0;                 // leaves before it may have no body
    std::optional<Error> checkpoint_failure;  // why the newest checkpoint is not signed
    /// How far the host's clock is behind the latest moment it has shown, or the log has: tokens
    /// and calls are judged by that moment until it has caught up.
    std::chrono::milliseconds clock_behind{0};
    bool ready() const noexcept;
};

StatusReport status(const Appliance& appliance);

}  // namespace clawsigner::service
