#pragma once

#include "base/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace clawsigner::policy {

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

/// The uid and gid the kernel shows for those it cannot name here (another user namespace's). They
/// are everybody's and nobody's, so they are never let in.
inline constexpr std::uint32_t kOverflowId = 65534;

inline constexpr std::size_t kMaxCallers = 64;  // users, and groups, of a role

/// Who has a role: users, and members of groups, by the kernel's numbers. Empty is nobody.
struct Callers {
    std::set<std::uint32_t> users;
    std::set<std::uint32_t> groups;
    friend bool operator==(const Callers&, const Callers&) = default;
};

/// Who has which role. One that is not in it is the daemon's own user's.
using RoleTable = std::map<Role, Callers>;

/// A role, and who is to have it from then on.
struct RoleChange {
    Role role{};
    Callers callers;
    friend bool operator==(const RoleChange&, const RoleChange&) = default;
};

/// At most kMaxCallers users and as many groups, never kOverflowId; and for admin not nobody, for
/// nobody could ever change that. Error: invalid_field at `users` or `groups`.
Status check_callers(Role role, const Callers& callers);

/// Does `next` let nobody in whom `current` does not? Told by its numbers, not by who is a member
/// of which group.
bool is_no_wider(const Callers& next, const Callers& current);

/// Canonical JSON (RFC 8785), roles in the order above, numbers ascending:
/// {"roles":[{"groups":[…],"role":"proxy","users":[…]},…],"v":1}.
std::string roles_text(const RoleTable& table);
/// Accepts exactly what roles_text gives for callers that pass check_callers. Errors:
/// malformed_json, invalid_field.
Result<RoleTable> parse_roles(std::string_view text);

/// Canonical JSON: {"groups":[…],"role":"admin","users":[…]}.
std::string role_change_text(const RoleChange& change);
/// Accepts exactly what role_change_text gives, likewise. Errors: malformed_json, invalid_field.
Result<RoleChange> parse_role_change(std::string_view text);

}  // namespace clawsigner::policy
