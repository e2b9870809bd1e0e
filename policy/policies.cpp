#include "policy/policies.h"

namespace clawsigner::policy {

std::string_view policy_state_name(PolicyState state) noexcept {
    switch (state) {
        case PolicyState::added:
            return "added";
        case PolicyState::active:
            return "active";
        case PolicyState::withdrawn:
            return "withdrawn";
    }
    return "";
}

Result<const claw::WorkPolicy*> active_policy(const KnownPolicies& known, std::string_view hash,
                                              std::string_view field) {
    const auto found = known.find(hash);
    if (found == known.end() || found->second.policy == nullptr) {
        return Error::denied("pin.unknown", std::string(field),
                             "names a Work Policy Contract that is not known here");
    }
    switch (found->second.state) {
        case PolicyState::added:
            return Error::denied("pin.inactive", std::string(field),
                                 "names a Work Policy Contract that was never activated");
        case PolicyState::withdrawn:
            return Error::denied("pin.withdrawn", std::string(field),
                                 "names a Work Policy Contract that was withdrawn");
        case PolicyState::active:
            break;
    }
    return found->second.policy.get();
}

}  // namespace clawsigner::policy
