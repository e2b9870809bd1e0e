#include "policy/roles.h"

#include "claw/json_reader.h"
#include "claw/json_writer.h"

#include <algorithm>
#include <cmath>

namespace clawsigner::policy {
namespace {

using Ids = std::set<std::uint32_t>;

constexpr std::size_t kMaxName = 64;
// The largest stands for "no change" in the kernel's calls and is nobody's.
constexpr std::uint32_t kLargestId = UINT32_MAX - 1;

std::string text_of(const Ids& ids) {
    std::string text("[");
    for (const std::uint32_t id : ids) {
        text.append(text.size() > 1 ? "," : "").append(std::to_string(id));
    }
    return text.append("]");
}

std::optional<std::uint32_t> id_of(const claw::JsonValue& value) {
    const double* number = value.if_double();
    const bool whole = number != nullptr && std::trunc(*number) == *number;
    return whole && *number >= 0 && *number <= kLargestId
               ? std::optional(static_cast<std::uint32_t>(*number))
               : std::nullopt;
}

Ids read_ids(claw::JsonReader& in, std::string_view name) {
    const claw::JsonValue* list = in.optional_any(name);
    if (list == nullptr || !list->is_array() || list->get_array().size() > kMaxCallers) {
        in.refuse(name, "must be an array of at most 64 numbers");
        return {};
    }
    Ids ids;
    for (const claw::JsonValue& value : list->get_array()) {
        const auto id = id_of(value);
        if (!id) {
            in.refuse(name, "must hold numbers of users or groups");
            return {};
        }
        ids.insert(*id);
    }
    return ids;
}

Result<RoleChange> read_change(const claw::JsonValue& value, std::string path) {
    claw::JsonReader in(value, std::move(path));
    RoleChange change;
    const auto role = role_from_name(in.text("role", kMaxName));
    if (!role) {
        in.refuse("role", "must be one of: proxy, issuer, admin, observe");
    }
    change.role = role.value_or(Role::proxy);
    change.callers.users = read_ids(in, "users");
    change.callers.groups = read_ids(in, "groups");
    CHECK_OK(in.finish());
    CHECK_OK(check_callers(change.role, change.callers));
    return change;
}

Status check_ids(std::string_view name, const Ids& ids) {
    if (ids.size() > kMaxCallers) {
        return Error::at(std::string(name), "are more than 64");
    }
    if (ids.contains(kOverflowId)) {
        return Error::at(std::string(name),
                         "hold 65534, which stands for users and groups the kernel cannot name, "
                         "and is never let in");
    }
    return Status::done();
}

}  // namespace

Status check_callers(Role role, const Callers& callers) {
    CHECK_OK(check_ids("users", callers.users));
    CHECK_OK(check_ids("groups", callers.groups));
    if (role == Role::admin && callers.users.empty() && callers.groups.empty()) {
        return Error::at("users",
                         "and groups must not both be empty for the role admin: nobody "
                         "could ever change that");
    }
    return Status::done();
}

bool is_no_wider(const Callers& next, const Callers& current) {
    return std::ranges::includes(current.users, next.users) &&
           std::ranges::includes(current.groups, next.groups);
}

std::string role_change_text(const RoleChange& change) {
    return claw::JsonWriter()
        .raw("groups", text_of(change.callers.groups))
        .text("role", role_name(change.role))
        .raw("users", text_of(change.callers.users))
        .done();
}

Result<RoleChange> parse_role_change(std::string_view text) {
    TRY(const claw::JsonValue document, claw::parse_json(text, claw::JsonRules::door));
    TRY(RoleChange change, read_change(document, ""));
    if (role_change_text(change) != text) {
        return Error(ErrorCode::malformed_json, "a role's callers are not in their one form");
    }
    return change;
}

std::string roles_text(const RoleTable& table) {
    std::string list("[");
    for (const auto& [role, callers] : table) {
        list.append(list.size() > 1 ? "," : "").append(role_change_text({role, callers}));
    }
    return claw::JsonWriter().raw("roles", list.append("]")).integer("v", 1).done();
}

Result<RoleTable> parse_roles(std::string_view text) {
    TRY(const claw::JsonValue document, claw::parse_json(text, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    (void)in.integer("v", 1, 1);
    const claw::JsonValue* list = in.optional_any("roles");
    CHECK_OK(in.finish());
    if (list == nullptr || !list->is_array() || list->get_array().size() > kRoles.size()) {
        return Error::at("roles", "must be an array of at most 4 roles");
    }
    RoleTable table;
    for (const claw::JsonValue& entry : list->get_array()) {
        TRY(RoleChange change, read_change(entry, "roles"));
        table[change.role] = std::move(change.callers);
    }
    if (roles_text(table) != text) {
        return Error(ErrorCode::malformed_json, "the roles are not in their one form");
    }
    return table;
}

}  // namespace clawsigner::policy
