#pragma once

#include "base/result.h"
#include "claw/token.h"
#include "claw/work_policy.h"
#include "policy/patterns.h"
#include "policy/scope_mapping.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// What a token that is issued and one that is narrowed are held to alike: scopes within scopes, a
/// contract, an end. For policy/token_decision.h.
namespace clawsigner::policy {

using Scopes = std::set<std::string>;

inline constexpr std::string_view kRequestPath = "request";

/// policy_denied by `rule` (static storage), at this member of the request.
Error request_denied(std::string_view rule, std::string_view member, std::string_view reason);

/// Is the scope one of `scopes`, or below one of their hosts?
template <class Range>
bool covers(const Range& scopes, std::string_view scope) {
    const bool is_host = scope_kind(scope) == ScopeKind::egress;
    const std::size_t prefix = scope_prefix(ScopeKind::egress).size();
    return std::ranges::any_of(scopes, [&](std::string_view have) {
        return have == scope || (is_host && scope_kind(have) == ScopeKind::egress &&
                                 host_covers(have.substr(prefix), scope.substr(prefix)));
    });
}

/// What of `scopes` the contract allows; all of it where there is none. Of a wildcard that it does
/// not allow as a whole, the contract's own hosts below it.
Scopes within(const Scopes& scopes, const claw::WorkPolicy* policy);

/// proxy:call first, the others sorted. Error: scope_too_large.
Result<std::vector<std::string>> listed(Scopes scopes, bool with_proxy_call);

/// The end asked for, or that of delegation or contract where it is earlier (Unix seconds). Errors:
/// policy_denied by mapping.delegation_expired; as within_contract.
Result<std::int64_t> bounded(const claw::WorkPolicy* policy, const claw::TokenGrant& grant,
                             std::int64_t now, std::int64_t exp);

}  // namespace clawsigner::policy
