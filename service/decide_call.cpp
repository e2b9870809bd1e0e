#include "service/decide_call.h"

#include "policy/call_decision.h"
#include "service/decision_seal.h"
#include "service/policies.h"
#include "service/presented_token.h"
#include "service/refusals.h"
#include "service/show_token.h"

namespace clawsigner::service {
namespace {

constexpr std::string_view kOperation = "POST /v1/decisions";

Decided denied(std::string_view rule, std::string reason) {
    Decided decided;
    decided.rule = rule;
    decided.reason = std::move(reason);
    return decided;
}

Result<Decided> decide(const Appliance& appliance, const policy::DecisionRequest& request) {
    const auto policies = appliance.policies->snapshot();
    const UnixMillis now = appliance.time->judged();
    const auto shown = show_token(appliance, *policies, request.cst, now);
    if (!shown.ok()) {
        if (shown.error().code != ErrorCode::policy_denied) {
            return shown.error();
        }
        return denied(shown.error().rule, shown.error().message);
    }
    const PresentedToken& presented = **shown;
    const auto decision = policy::decide_call(policies->contracts, presented.token, presented.kind,
                                              request.call, unix_seconds(now));
    Decided decided;
    decided.allow = decision.allow;
    decided.rule = decision.rule;
    decided.reason = decision.reason;
    decided.policy_hash = decision.policy_hash;
    decided.token_scope_hash = presented.scope_hash;
    if (decision.allow) {
        decided.valid_until = decision.valid_until;
        decided.decision_id = appliance.seal->seal(
            {presented.sha256, request.call, decision.policy_hash, now, decision.valid_until});
    }
    return decided;
}

}  // namespace

Result<Decided> decide_call(const Appliance& appliance, const claw::LeafCaller& caller,
                            const policy::DecisionRequest& request, std::string_view body) {
    CHECK_OK(appliance.ledger->ready());
    auto decided = decide(appliance, request);
    if (decided.ok() && !decided->allow) {
        appliance.refusals->note(caller, std::string(kOperation),
                                 wire_name(ErrorCode::policy_denied), decided->rule, body);
    }
    return decided;
}

}  // namespace clawsigner::service
