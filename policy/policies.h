#pragma once

#include "base/result.h"
#include "claw/work_policy.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace clawsigner::policy {

/// What operators have said of a contract: nothing yet, that it holds, that it holds no more.
enum class PolicyState : std::uint8_t { added, active, withdrawn };
/// "added", "active", "withdrawn". Static storage.
std::string_view policy_state_name(PolicyState state) noexcept;

struct KnownPolicy {
    std::shared_ptr<const claw::WorkPolicy> policy;
    PolicyState state = PolicyState::added;
};

/// The contracts the appliance has, by hash.
using KnownPolicies = std::map<std::string, KnownPolicy, std::less<>>;

/// The active contract of this hash. Error: policy_denied at `field` by pin.unknown, pin.inactive
/// or pin.withdrawn. The pointer lives as long as `known`.
Result<const claw::WorkPolicy*> active_policy(const KnownPolicies& known, std::string_view hash,
                                              std::string_view field);

}  // namespace clawsigner::policy
