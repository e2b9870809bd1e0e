#pragma once

#include "base/result.h"
#include "claw/token.h"
#include "policy/mapped_request.h"
#include "policy/policies.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// May this call be made under that token? Pure: everything it looks at is an argument.
namespace clawsigner::policy {

/// How a token came to be. `mapped`: from an ID token through the mapping, or narrowed from such a
/// one. `claims`: an issuer trusted to authenticate by itself said what is in it.
enum class TokenKind : std::uint8_t { mapped, claims };

struct CallDecision {
    bool allow = false;
    /// What allowed it ("call.allowed") or said no. Static storage.
    std::string_view rule;
    /// A sentence for a person; empty when allowed.
    std::string reason;
    /// The contract that was looked at, if the token has one.
    std::optional<std::string> policy_hash;
    /// When allowed: how long the answer holds, in Unix seconds: until the token ends or the
    /// contract's window closes, whichever is earlier.
    std::int64_t valid_until = 0;
};

/// `token` is verified but for its time: signature by a key of ours, scope hash, audience
/// (claw::verify_token). Looked at in this order: token.expired (exp is not after `now`),
/// call.proxy (no proxy:call, clawproxy:call, nor proxy|clawproxy:call|provider:<provider>),
/// pin.unknown, pin.inactive, pin.withdrawn, the contract (call_within_contract), then the token's
/// own scopes: call.model, call.tool, call.egress. A kind of which the token has no scope at all is
/// denied, where the call has something of that kind; but a `claims` token without any scope of the
/// three kinds is limited by its contract only.
CallDecision decide_call(const KnownPolicies& policies, const claw::Token& token, TokenKind kind,
                         const Call& call, std::int64_t now);

}  // namespace clawsigner::policy
