#include "claw/json_reader.h"
#include "daemon/accounts.h"
#include "daemon/answers.h"
#include "daemon/handlers.h"
#include "service/approvals.h"
#include "service/powers.h"

#include <utility>

namespace clawsigner::daemon {
namespace {

constexpr std::size_t kMaxRole = 64;
constexpr std::size_t kMaxAccount = 256;  // of a user's or group's name
constexpr std::size_t kMaxWhy = 1024;

/// A role and its callers, and what the change is said to be for.
struct RoleAsked {
    policy::RoleChange change;
    service::Doing doing;
};

Result<RoleAsked> role_asked(const Call& call) {
    TRY(const claw::JsonValue document, claw::parse_json(call.body, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    const auto role = policy::role_from_name(in.text("role", kMaxRole));
    if (!role) {
        in.refuse("role", "must be one of: proxy, issuer, admin, observe");
    }
    const auto users = in.texts("users", 0, policy::kMaxCallers, kMaxAccount);
    const auto groups = in.texts("groups", 0, policy::kMaxCallers, kMaxAccount);
    RoleAsked asked;
    asked.doing = {call.caller, in.optional_text("why", kMaxWhy), std::nullopt, {}};
    CHECK_OK(in.finish());
    TRY(auto callers, callers_named(users, groups));
    asked.change = {role.value_or(Role::proxy), std::move(callers)};
    return asked;
}

}  // namespace

Answer get_roles(const Call& call) {
    return good_answer(policy::roles_text(*call.appliance.powers->roles()));
}

/// One admin takes callers away at once; new ones wait for operators.
Answer set_role(const Call& call) {
    const auto asked = role_asked(call);
    if (!asked.ok()) {
        return error_answer(asked.error());
    }
    const auto done = call.appliance.powers->narrow(asked->doing, asked->change);
    if (!done.ok()) {
        return error_answer(done.error());
    }
    return *done ? get_roles(call)
                 : filed_answer(call.appliance.approvals->file(
                       call.caller, service::GatedAct::set_roles,
                       policy::role_change_text(asked->change), asked->doing.why.value_or("")));
}

}  // namespace clawsigner::daemon
