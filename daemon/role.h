#pragma once

#include "crypto/family.h"
#include "policy/roles.h"

#include <optional>

namespace clawsigner::daemon {

using policy::kRoles;
using policy::Role;
using policy::role_from_name;
using policy::role_name;

/// The family whose artefacts and keys a socket speaks of; none where it speaks of all.
constexpr std::optional<crypto::Family> family_of(Role role) noexcept {
    switch (role) {
        case Role::proxy:
            return crypto::Family::gateway_receipt;
        case Role::issuer:
            return crypto::Family::cst;
        case Role::admin:
        case Role::observe:
            return std::nullopt;
    }
    return std::nullopt;
}

/// A set of roles.
class Roles {
public:
    template <class... R>
    constexpr explicit Roles(R... roles) : bits_((0U | ... | bit(roles))) {}
    constexpr bool contains(Role role) const noexcept { return (bits_ & bit(role)) != 0; }

private:
    static constexpr unsigned bit(Role role) noexcept { return 1U << static_cast<unsigned>(role); }
    unsigned bits_ = 0;
};

}  // namespace clawsigner::daemon
