#include "service/receipt_grounds.h"

#include "crypto/digest.h"
#include "policy/call_decision.h"
#include "policy/contract.h"
#include "service/decision_seal.h"
#include "service/policies.h"
#include "service/show_token.h"

namespace clawsigner::service {
namespace {

/// How far a proxy's clock may be from ours where a call's beginning is held against a decision or
/// a token: in seconds, as the timestamp's usual limit.
constexpr std::int64_t kSkew = 300;

std::string_view model_of(const claw::ReceiptContent& content) {
    return content.model ? std::string_view(*content.model) : claw::kUnknownModel;
}

/// When the call was begun, in Unix seconds.
std::int64_t began(const claw::ReceiptContent& content, UnixMillis timestamp) {
    return unix_seconds(timestamp - std::chrono::milliseconds(content.latency_ms));
}

/// What the caller says of policy and scope must be what we say.
Status states(const std::optional<std::string>& stated, const std::optional<std::string>& ours,
              std::string_view rule, const char* field) {
    if (stated && stated != ours) {
        return Error::denied(rule, field, "is not that of the token; leave it out");
    }
    return Status::done();
}

Status states_no_other(const claw::ReceiptContent& content, const ReceiptGrounds& grounds) {
    if (!content.binding) {
        return Status::done();
    }
    CHECK_OK(states(content.binding->policy_hash, grounds.policy_hash, "receipt.policy_hash",
                    "binding.policy_hash"));
    return states(content.binding->token_scope_hash_b64u, grounds.token_scope_hash,
                  "receipt.scope_hash", "binding.token_scope_hash_b64u");
}

Result<ReceiptGrounds> on_the_callers_word(const PolicySnapshot& policies,
                                           const claw::LeafCaller& caller,
                                           const claw::ReceiptRequest& request) {
    if (!policies.exempt.contains(caller.uid)) {
        return Error::denied("receipt.cst_required", "cst",
                             "is missing: the receipt of a call names the token it was made under");
    }
    const auto& binding = request.content.binding;
    if (binding && (binding->policy_hash || binding->token_scope_hash_b64u)) {
        return Error::denied("receipt.unproven", "binding",
                             "states a policy or a scope without the token that would show it");
    }
    ReceiptGrounds grounds;
    grounds.rule = "role.proxy";
    return grounds;
}

/// The contract of a call that was allowed holds for its receipt also when it was withdrawn since.
Status receipt_under_contract(const PolicySnapshot& policies, const std::string& hash,
                              const claw::ReceiptRequest& request) {
    const auto known = policies.contracts.find(hash);
    if (known == policies.contracts.end()) {
        return Error::denied("pin.unknown", "cst", "is bound to a contract that is not known here");
    }
    return policy::receipt_within_contract(*known->second.policy, request.content, request.legacy);
}

Status decided_before(const AllowedCall& allowed, const PresentedToken& token,
                      const claw::ReceiptContent& content, std::int64_t begin) {
    if (allowed.cst_sha256 != token.sha256 || allowed.call.provider != content.provider ||
        allowed.call.model != model_of(content)) {
        return Error::denied("decision.mismatch", "decision_id",
                             "allowed a call under another token, or to another provider or model");
    }
    if (begin > allowed.valid_until + kSkew || begin + kSkew < unix_seconds(allowed.at)) {
        return Error::denied("decision.expired", "decision_id",
                             "did not hold when the call was begun");
    }
    return Status::done();
}

Status decided_now(const PolicySnapshot& policies, const PresentedToken& token,
                   const claw::ReceiptContent& content, std::int64_t begin) {
    if (token.token.iat > begin + kSkew) {
        return Error::denied("token.not_yet_valid", "cst",
                             "was issued after the call had been begun");
    }
    const policy::Call call{content.provider, std::string(model_of(content)), {}, {}};
    const auto decision =
        policy::decide_call(policies.contracts, token.token, token.kind, call, begin);
    return decision.allow ? Status::done()
                          : Status(Error::denied(decision.rule, "cst", decision.reason));
}

}  // namespace

Result<ReceiptGrounds> ground_receipt(const Appliance& appliance, const claw::LeafCaller& caller,
                                      const claw::ReceiptRequest& request, UnixMillis timestamp) {
    const auto policies = appliance.policies->snapshot();
    if (!request.cst) {
        return on_the_callers_word(*policies, caller, request);
    }
    const UnixMillis now = appliance.time->judged();
    const bool decided = request.decision_id.has_value();
    TRY(const auto presented,
        show_token(appliance, *policies, *request.cst, now,
                   decided ? PresentedTokens::Keys::past : PresentedTokens::Keys::published));
    ReceiptGrounds grounds;
    grounds.rule = decided ? "decision" : "token";
    grounds.cst_sha256 = presented->sha256;
    grounds.policy_hash = presented->token.grant.policy_hash_b64u;
    grounds.token_scope_hash = presented->scope_hash;
    grounds.after_expiry = presented->token.exp <= unix_seconds(now);
    CHECK_OK(states_no_other(request.content, grounds));
    const std::int64_t begin = began(request.content, timestamp);
    if (decided) {
        TRY(const AllowedCall allowed, appliance.seal->open_id(*request.decision_id));
        CHECK_OK(decided_before(allowed, *presented, request.content, begin));
        grounds.decision_sha256 = crypto::sha256_b64u(*request.decision_id);
    } else {
        CHECK_OK(decided_now(*policies, *presented, request.content, begin));
    }
    if (grounds.policy_hash) {
        CHECK_OK(receipt_under_contract(*policies, *grounds.policy_hash, request));
    }
    return grounds;
}

}  // namespace clawsigner::service
