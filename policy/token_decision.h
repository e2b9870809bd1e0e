#pragma once

#include "base/result.h"
#include "claw/token.h"
#include "policy/id_token.h"
#include "policy/mapped_request.h"
#include "policy/policies.h"
#include "policy/scope_mapping.h"
#include "policy/trust_settings.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// May this user have that token? Pure: everything it looks at is an argument.
namespace clawsigner::policy {

/// What tokens are issued by. Refers to what it is given.
struct TokenRules {
    const ScopeMapping& mapping;
    const KnownPolicies& policies;
    const TrustSettings& trust;
};

/// How long a token lives when the request does not say, unless its bounds are lower: the
/// ecosystem's default, in seconds.
inline constexpr std::int64_t kDefaultTokenTtl = 600;

/// A token that may be issued: everything but jti and nonce.
struct AllowedToken {
    claw::TokenGrant grant;
    std::int64_t exp = 0;             // Unix seconds
    std::string_view rule;            // "mapping" | "narrow": what allowed it. Static storage
    std::vector<std::string> groups;  // that were matched and contributed; of a narrowed one none
    std::string mapping_digest;       // likewise
};

/// The story: which entries are the user's (mapping.no_group); which of them may issue at all
/// (mapping.unbound); which pin (pin.ambiguous, pin.not_in_mapping, pin.unknown, pin.inactive,
/// pin.withdrawn, pin.version); which of them let the request name its sub, aud, lane and claims
/// (mapping.subject, mapping.audience, mapping.lane, mapping.claim): an entry that does not allow
/// what the request names gives nothing to the token. Of those that are left, the union of their
/// capabilities and the smallest max_ttl. A request that names a scope outside of that is denied
/// (mapping.scope), and so is a ttl above it (mapping.ttl); the contract takes away silently what
/// the request did not name, and denies what it did (wpc.tool, wpc.model, wpc.egress). Outside of
/// the contract's window nothing is issued (wpc.window), and nothing outlives it, nor the
/// delegation (mapping.delegation_expired). wpc.approval and wpc.runtime as in policy/contract.h.
///
/// Scopes are proxy:call first, then the others sorted. Errors: policy_denied by one of these, with
/// the member's path under "request"; scope_too_large, never cut.
Result<AllowedToken> decide_token(const TokenRules& rules, const IdToken& user,
                                  const MappedRequest& request, std::int64_t now);

/// A token that may do less than `live`, which the caller has verified (claw::verify_token) and
/// found unrevoked: a subset of its scopes and audiences (narrow.scope, narrow.audience; an
/// egress:HOST below an egress:*.DOMAIN is a subset; some scope stays, of a token with tool:,
/// model: or egress: scopes one of these, because none at all could mean no limit), the same pin
/// (narrow.pin), not later (narrow.ttl; without ttl_sec as late as the live one), spend_cap not
/// above it (narrow.spend_cap). Everything else as it was. Its contract must still hold (pin.*,
/// wpc.*). Errors: policy_denied by one of these.
Result<AllowedToken> decide_narrowing(const KnownPolicies& policies, const claw::Token& live,
                                      const NarrowRequest& request, std::int64_t now);

}  // namespace clawsigner::policy
