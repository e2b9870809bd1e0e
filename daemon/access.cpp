#include "daemon/access.h"

#include <charconv>
#include <grp.h>
#include <optional>
#include <pwd.h>
#include <set>

namespace clawsigner::daemon {
namespace {

using config::at_line;
using config::Config;
using config::Setting;

std::optional<std::uint32_t> number_of(const std::string& text) {
    std::uint32_t number = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = end.ec == std::errc() && end.ptr == text.data() + text.size();
    // The largest stands for "no change" in the kernel's calls and is nobody's.
    return whole && number != UINT32_MAX ? std::optional(number) : std::nullopt;
}

// Called before the first thread starts, so the lookups' static storage is nobody else's.

std::optional<uid_t> user_of(const std::string& text) {
    if (const auto number = number_of(text)) {
        return number;
    }
    const passwd* entry = ::getpwnam(text.c_str());  // NOLINT(concurrency-mt-unsafe)
    return entry == nullptr ? std::nullopt : std::optional(entry->pw_uid);
}

std::optional<gid_t> group_of(const std::string& text) {
    if (const auto number = number_of(text)) {
        return number;
    }
    const group* entry = ::getgrnam(text.c_str());  // NOLINT(concurrency-mt-unsafe)
    return entry == nullptr ? std::nullopt : std::optional(entry->gr_gid);
}

template <class Id>
Result<std::set<Id>> ids_of(const Config& config, const std::vector<Setting>& settings,
                            std::string_view what,
                            std::optional<Id> (*look_up)(const std::string&)) {
    std::set<Id> ids;
    for (const Setting& setting : settings) {
        const auto id = look_up(setting.value);
        if (!id) {
            return at_line(config, setting.line,
                           "there is no " + std::string(what) + " " + setting.value);
        }
        ids.insert(*id);
    }
    return ids;
}

}  // namespace

Result<AccessTable> access_table(const Config& config) {
    AccessTable table;
    for (const config::RoleConfig& wanted : config.roles) {
        const auto role = role_from_name(wanted.role.value);
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
        TRY(auto users, ids_of<uid_t>(config, wanted.users, "user", user_of));
        TRY(auto groups, ids_of<gid_t>(config, wanted.groups, "group", group_of));
        if (users.contains(kOverflowUid) || groups.contains(kOverflowUid)) {
            return at_line(
                config, wanted.role.line,
                "65534 stands for users and groups the kernel cannot name, and is never let in");
        }
        table.emplace(*role, AccessList(std::move(users), std::move(groups)));
    }
    return table;
}

}  // namespace clawsigner::daemon
