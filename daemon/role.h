#pragma once

#include "crypto/family.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace clawsigner::daemon {

/// Who a socket is for. There is one socket per role, and the role decides what can be asked on it.
enum class Role : std::uint8_t { proxy, issuer, admin, observe };

inline constexpr std::array kRoles{Role::proxy, Role::issuer, Role::admin, Role::observe};

/// "proxy", "issuer", …: also the socket's name, before ".sock". Static storage.
constexpr std::string_view role_name(Role role) noexcept {
    switch (role) {
        case Role::proxy:
            return "proxy";
        case Role::issuer:
            return "issuer";
        case Role::admin:
            return "admin";
        case Role::observe:
            return "observe";
    }
    return "";
}

constexpr std::optional<Role> role_from_name(std::string_view name) noexcept {
    for (const Role role : kRoles) {
        if (role_name(role) == name) {
            return role;
        }
    }
    return std::nullopt;
}

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
    unsigned bits_;
};

}  // namespace clawsigner::daemon
