#include "cli/role_commands.h"

#include "claw/json_writer.h"
#include "cli/approval_commands.h"
#include "cli/conversation.h"
#include "policy/roles.h"

#include <cstdio>
#include <grp.h>
#include <pwd.h>

namespace clawsigner::cli {
namespace {

using claw::JsonObject;

// One thread, so the lookups' static storage is nobody else's.

std::string user_name(std::uint32_t id) {
    const passwd* entry = ::getpwuid(id);  // NOLINT(concurrency-mt-unsafe)
    return entry == nullptr ? "" : entry->pw_name;
}

std::string group_name(std::uint32_t id) {
    const group* entry = ::getgrgid(id);  // NOLINT(concurrency-mt-unsafe)
    return entry == nullptr ? "" : entry->gr_name;
}

/// "0 (root) 41001": the numbers decide, the names are this host's for them today.
std::string listed(const std::set<std::uint32_t>& ids, std::string (*name_of)(std::uint32_t)) {
    std::string text;
    for (const std::uint32_t id : ids) {
        const std::string name = name_of(id);
        text.append(text.empty() ? "" : " ").append(std::to_string(id));
        text.append(name.empty() ? "" : " (" + name + ")");
    }
    return text.empty() ? "none" : text;
}

void print_roles(const JsonObject& answer) {
    const auto roles = policy::parse_roles(claw::json_text(answer));
    if (!roles.ok()) {
        std::fprintf(stderr, "clawsigner: %s\n", roles.error().message.c_str());
        return;
    }
    Rows rows{{"ROLE", "USERS", "GROUPS"}};
    for (const auto& [role, callers] : *roles) {
        rows.push_back({std::string(policy::role_name(role)), listed(callers.users, user_name),
                        listed(callers.groups, group_name)});
    }
    std::printf("%s", table(rows).c_str());
}

}  // namespace

int show_roles(const Connection& to) {
    return talk(to, "GET", "/v1/roles", "", print_roles);
}

int set_role(const Connection& to, const RoleTerms& terms) {
    claw::JsonWriter body;
    body.text("role", terms.role)
        .raw("users", claw::json_texts(terms.users))
        .raw("groups", claw::json_texts(terms.groups));
    if (!terms.why.empty()) {
        body.text("why", terms.why);
    }
    return talk(to, "POST", "/v1/roles", body.done(), [](const JsonObject& answer) {
        if (!print_waiting(answer)) {
            print_roles(answer);
        }
    });
}

}  // namespace clawsigner::cli
