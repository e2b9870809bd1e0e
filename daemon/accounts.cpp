#include "daemon/accounts.h"

#include <charconv>
#include <grp.h>
#include <pwd.h>

namespace clawsigner::daemon {
namespace {

using config::at_line;
using config::Config;

constexpr std::size_t kMaxEntry = 65'536;  // of a group with very many members

std::optional<std::uint32_t> number_of(const std::string& text) {
    std::uint32_t number = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = end.ec == std::errc() && end.ptr == text.data() + text.size();
    // The largest stands for "no change" in the kernel's calls and is nobody's.
    return whole && number != UINT32_MAX ? std::optional(number) : std::nullopt;
}

std::optional<std::uint32_t> user_of(const std::string& text) {
    if (const auto number = number_of(text)) {
        return number;
    }
    std::vector<char> room(kMaxEntry);
    passwd entry{};
    passwd* found = nullptr;
    ::getpwnam_r(text.c_str(), &entry, room.data(), room.size(), &found);
    return found == nullptr ? std::nullopt : std::optional(entry.pw_uid);
}

std::optional<std::uint32_t> group_of(const std::string& text) {
    if (const auto number = number_of(text)) {
        return number;
    }
    std::vector<char> room(kMaxEntry);
    group entry{};
    group* found = nullptr;
    ::getgrnam_r(text.c_str(), &entry, room.data(), room.size(), &found);
    return found == nullptr ? std::nullopt : std::optional(entry.gr_gid);
}

std::vector<std::string> values_of(const std::vector<config::Setting>& settings) {
    std::vector<std::string> values;
    values.reserve(settings.size());
    for (const config::Setting& setting : settings) {
        values.push_back(setting.value);
    }
    return values;
}

}  // namespace

Result<policy::Callers> callers_named(const std::vector<std::string>& users,
                                      const std::vector<std::string>& groups) {
    policy::Callers callers;
    for (const std::string& name : users) {
        const auto user = user_of(name);
        if (!user) {
            return Error::at("users", "there is no user " + name);
        }
        callers.users.insert(*user);
    }
    for (const std::string& name : groups) {
        const auto group = group_of(name);
        if (!group) {
            return Error::at("groups", "there is no group " + name);
        }
        callers.groups.insert(*group);
    }
    return callers;
}

Result<policy::RoleTable> configured_roles(const Config& config) {
    policy::RoleTable table;
    for (const config::RoleConfig& wanted : config.roles) {
        const auto role = policy::role_from_name(wanted.role.value);
        if (!role) {
            return at_line(
                config, wanted.role.line,
                wanted.role.value + " is not a role; there are proxy, issuer, admin and observe");
        }
        if (wanted.users.empty() && wanted.groups.empty()) {
            return at_line(config, wanted.role.line,
                           "roles." + wanted.role.value +
                               " lets nobody in: list users or groups, or leave the table out");
        }
        auto callers = callers_named(values_of(wanted.users), values_of(wanted.groups));
        const Status good =
            callers.ok() ? policy::check_callers(*role, *callers) : Status(callers.error());
        if (!good.ok()) {
            const config::Setting& first =
                wanted.users.empty() ? wanted.groups.front() : wanted.users.front();
            return at_line(config, first.line,
                           "roles." + wanted.role.value + ": " + good.error().message);
        }
        table[*role] = *std::move(callers);
    }
    return table;
}

}  // namespace clawsigner::daemon
