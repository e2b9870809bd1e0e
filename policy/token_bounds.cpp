#include "policy/token_bounds.h"

#include "claw/json_reader.h"
#include "policy/contract.h"

namespace clawsigner::policy {
namespace {

using claw::TokenGrant;
using claw::WorkPolicy;

/// The hosts of the contract that are below a wildcard it does not allow as a whole.
void add_below(Scopes& scopes, std::string_view wildcard, const WorkPolicy& policy) {
    const std::string prefix(scope_prefix(ScopeKind::egress));
    const auto& hosts = policy.terms().egress_allowlist;
    if (scope_kind(wildcard) != ScopeKind::egress || !hosts) {
        return;
    }
    for (const std::string& host : *hosts) {
        if (prefix.size() + host.size() <= claw::kMaxScopeChars &&
            host_covers(wildcard.substr(prefix.size()), host)) {
            scopes.insert(prefix + host);
        }
    }
}

Result<std::int64_t> within_delegation(const TokenGrant& grant, std::int64_t now,
                                       std::int64_t exp) {
    if (!grant.delegation_expires_at) {
        return exp;
    }
    if (*grant.delegation_expires_at <= now) {
        return request_denied("mapping.delegation_expired", kDelegationExpires,
                              "is not in the future");
    }
    return std::min(exp, *grant.delegation_expires_at);
}

}  // namespace

Error request_denied(std::string_view rule, std::string_view member, std::string_view reason) {
    return Error::denied(rule, claw::member_path(kRequestPath, member), reason);
}

Scopes within(const Scopes& scopes, const WorkPolicy* policy) {
    Scopes left;
    for (const std::string& scope : scopes) {
        if (policy == nullptr || contract_allows_scope(*policy, scope)) {
            left.insert(scope);
        } else {
            add_below(left, scope, *policy);
        }
    }
    return left;
}

Result<std::vector<std::string>> listed(Scopes scopes, bool with_proxy_call) {
    const bool had_it = scopes.erase(std::string(kProxyCall)) > 0;
    std::vector<std::string> list;
    if (with_proxy_call || had_it) {
        list.emplace_back(kProxyCall);
    }
    list.insert(list.end(), scopes.begin(), scopes.end());
    if (list.size() > claw::kMaxScopes) {
        Error error = Error::at(claw::member_path(kRequestPath, "scope"),
                                "would be more than 64 scopes; name those that are needed");
        error.code = ErrorCode::scope_too_large;
        error.rule = "request.scope";
        return error;
    }
    return list;
}

Result<std::int64_t> bounded(const WorkPolicy* policy, const TokenGrant& grant, std::int64_t now,
                             std::int64_t exp) {
    TRY(const std::int64_t end, within_delegation(grant, now, exp));
    return policy == nullptr ? Result<std::int64_t>(end)
                             : within_contract(*policy, grant, now, end, kRequestPath);
}

}  // namespace clawsigner::policy
