#include "policy/call_decision.h"

#include "policy/contract.h"
#include "policy/patterns.h"
#include "policy/scope_mapping.h"

#include <algorithm>
#include <array>

namespace clawsigner::policy {
namespace {

using claw::Token;
using claw::TokenGrant;
using claw::WorkPolicy;

Error denied(std::string_view rule, std::string_view member, std::string_view reason) {
    return Error::denied(rule, std::string(member), reason);
}

bool has(const TokenGrant& grant, std::string_view scope) {
    return std::ranges::find(grant.scope, scope) != grant.scope.end();
}

/// May it call this provider through the proxy at all? As clawproxy has it, without its wildcards.
bool calls(const TokenGrant& grant, const std::string& provider) {
    constexpr std::array<std::string_view, 2> kGateways{"proxy:", "clawproxy:"};
    return std::ranges::any_of(kGateways, [&](std::string_view gateway) {
        const std::string start(gateway);
        return has(grant, start + "call") || has(grant, start + "call:" + provider) ||
               has(grant, start + "provider:" + provider);
    });
}

bool has_kind(const TokenGrant& grant, ScopeKind kind) {
    return std::ranges::any_of(grant.scope,
                               [&](std::string_view scope) { return scope_kind(scope) == kind; });
}

bool has_any_kind(const TokenGrant& grant) {
    return std::ranges::any_of(kScopeKinds, [&](ScopeKind kind) { return has_kind(grant, kind); });
}

bool has_host(const TokenGrant& grant, std::string_view host) {
    return std::ranges::any_of(grant.scope, [&](std::string_view scope) {
        return scope_kind(scope) == ScopeKind::egress &&
               host_matches(scope.substr(scope_prefix(ScopeKind::egress).size()), host);
    });
}

Status within_scopes(const TokenGrant& grant, const Call& call) {
    if (!has(grant, "model:" + call.model)) {
        return denied("call.model", "model", "is not among the token's model: scopes");
    }
    if (call.tool && !has(grant, "tool:" + *call.tool)) {
        return denied("call.tool", "tool", "is not among the token's tool: scopes");
    }
    if (call.host && !has_host(grant, *call.host)) {
        return denied("call.egress", "host", "is not among the token's egress: scopes");
    }
    return Status::done();
}

Status judge(const WorkPolicy* policy, const Token& token, TokenKind kind, const Call& call,
             std::int64_t now) {
    if (token.exp <= now) {
        return denied("token.expired", "cst", "has expired");
    }
    if (!calls(token.grant, call.provider)) {
        return denied("call.proxy", "cst", "does not allow calls of this provider");
    }
    if (policy != nullptr) {
        CHECK_OK(call_within_contract(*policy, call, now));
    }
    if (kind == TokenKind::claims && !has_any_kind(token.grant)) {
        return Status::done();
    }
    return within_scopes(token.grant, call);
}

Result<const WorkPolicy*> contract_of(const KnownPolicies& policies, const TokenGrant& grant) {
    if (!grant.policy_hash_b64u) {
        return nullptr;
    }
    return active_policy(policies, *grant.policy_hash_b64u, "cst");
}

std::int64_t valid_until(const WorkPolicy* policy, const Token& token, std::int64_t now) {
    if (policy == nullptr) {
        return token.exp;
    }
    const auto& window = policy->terms().change_window;
    const auto closes = window ? window->end_of_open(now) : std::nullopt;
    return closes ? std::min(token.exp, *closes) : token.exp;
}

}  // namespace

CallDecision decide_call(const KnownPolicies& policies, const Token& token, TokenKind kind,
                         const Call& call, std::int64_t now) {
    CallDecision decision;
    decision.policy_hash = token.grant.policy_hash_b64u;
    const auto policy = contract_of(policies, token.grant);
    const Status judged =
        policy.ok() ? judge(*policy, token, kind, call, now) : Status(policy.error());
    if (!judged.ok()) {
        decision.rule = judged.error().rule;
        decision.reason = judged.error().message;
        return decision;
    }
    decision.allow = true;
    decision.rule = "call.allowed";
    decision.valid_until = valid_until(*policy, token, now);
    return decision;
}

}  // namespace clawsigner::policy
