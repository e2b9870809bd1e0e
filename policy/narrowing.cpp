#include "policy/token_bounds.h"
#include "policy/token_decision.h"

#include <algorithm>

namespace clawsigner::policy {
namespace {

using claw::TokenGrant;
using claw::WorkPolicy;

bool has_any_kind(const std::vector<std::string>& scopes) {
    return std::ranges::any_of(
        scopes, [](const std::string& scope) { return scope_kind(scope).has_value(); });
}

Status narrows(const claw::Token& live, const NarrowRequest& request) {
    const TokenGrant& grant = live.grant;
    if (request.policy_hash_b64u && request.policy_hash_b64u != grant.policy_hash_b64u) {
        return request_denied("narrow.pin", "policy_hash_b64u", "is not the token's");
    }
    for (const std::string& audience : request.aud.value_or(std::vector<std::string>())) {
        if (std::ranges::find(grant.aud, audience) == grant.aud.end()) {
            return request_denied("narrow.audience", "aud", "is not an audience of the token");
        }
    }
    for (const std::string& scope : request.scope.value_or(Scopes())) {
        if (!covers(grant.scope, scope)) {
            return request_denied("narrow.scope", "scope",
                                  "names a scope that the token does not have");
        }
    }
    if (request.spend_cap && grant.spend_cap && *request.spend_cap > *grant.spend_cap) {
        return request_denied("narrow.spend_cap", "spend_cap", "is above the token's");
    }
    return Status::done();
}

Result<std::int64_t> narrowed_end(const claw::Token& live, const NarrowRequest& request,
                                  std::int64_t now) {
    if (live.exp <= now) {
        return Error::denied("token.expired", "cst", "has expired");
    }
    if (!request.ttl) {
        return live.exp;
    }
    if (request.ttl->count() > live.exp - now) {
        return request_denied("narrow.ttl", "ttl_sec", "is beyond the end of the token");
    }
    return now + request.ttl->count();
}

Result<std::vector<std::string>> narrowed_scopes(const TokenGrant& live,
                                                 const NarrowRequest& request,
                                                 const WorkPolicy* policy) {
    const bool calls = std::ranges::find(live.scope, kProxyCall) != live.scope.end();
    TRY(auto scopes,
        listed(request.scope ? *request.scope
                             : within(Scopes(live.scope.begin(), live.scope.end()), policy),
               calls));
    if (scopes.empty() || (has_any_kind(live.scope) && !has_any_kind(scopes))) {
        return request_denied(
            "narrow.scope", "scope",
            "must leave at least one tool:, model: or egress: scope: a token without any "
            "may be limited by its contract only");
    }
    return scopes;
}

}  // namespace

Result<AllowedToken> decide_narrowing(const KnownPolicies& policies, const claw::Token& live,
                                      const NarrowRequest& request, std::int64_t now) {
    TRY(const std::int64_t end, narrowed_end(live, request, now));
    CHECK_OK(narrows(live, request));
    const WorkPolicy* policy = nullptr;
    if (live.grant.policy_hash_b64u) {
        TRY(policy, active_policy(policies, *live.grant.policy_hash_b64u, "cst"));
    }
    AllowedToken token;
    token.grant = live.grant;
    if (request.aud) {
        token.grant.aud = *request.aud;
        token.grant.aud_is_array = request.aud_is_array;
    }
    if (request.spend_cap) {
        token.grant.spend_cap = request.spend_cap;
    }
    TRY(token.grant.scope, narrowed_scopes(live.grant, request, policy));
    TRY(token.exp, bounded(policy, token.grant, now, end));
    token.rule = "narrow";
    return token;
}

}  // namespace clawsigner::policy
