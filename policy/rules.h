#pragma once

#include <array>
#include <string_view>

namespace clawsigner::policy {

/// Every rule that says no to a mapped token, a narrowing, a call or a receipt, or to a document of
/// the policy: the closed list of docs/api/errors.md, beside the ceiling's. A rule stands in
/// Error::rule with policy_denied; those that end in ".form", and mapping.* and wpc.* of a document
/// that is being read, stand there with invalid_field, malformed_json or too_large; request.scope
/// also with scope_too_large.
inline constexpr auto kRules = std::to_array<std::string_view>({
    // The ID token.
    "oidc.size",
    "oidc.form",
    "oidc.header",
    "oidc.alg",
    "oidc.kid",
    "oidc.signature",
    "oidc.claims",
    "oidc.issuer",
    "oidc.audience",
    "oidc.azp",
    "oidc.expired",
    "oidc.not_yet_valid",
    "oidc.issued_in_future",
    "oidc.too_old",
    "oidc.nonce",
    "oidc.groups",
    "oidc.replayed",        // the ledger's: it was used before
    "oidc.not_configured",  // the operation's: there is no OidcTrust, or no mapping
    // Documents and bodies that cannot be read.
    "trust.form",
    "mapping.form",
    "mapping.duplicate_group",
    "mapping.wildcard",
    "mapping.ttl_form",
    "mapping.pin_form",
    "wpc.form",
    "wpc.window_form",
    "wpc.wildcard",
    "request.form",
    "request.scope",
    "request.ttl",
    // The mapping.
    "mapping.no_group",
    "mapping.unbound",
    "mapping.subject",
    "mapping.audience",
    "mapping.lane",
    "mapping.claim",
    "mapping.scope",
    "mapping.ttl",
    "mapping.delegation_expired",
    "mapping.groups_size",  // the operation's: the names of the groups do not fit into a leaf
    // The pin.
    "pin.ambiguous",
    "pin.not_in_mapping",
    "pin.unknown",
    "pin.inactive",
    "pin.withdrawn",
    "pin.version",
    // The contract.
    "wpc.approval",
    "wpc.runtime",
    "wpc.window",
    "wpc.provider",
    "wpc.model",
    "wpc.model_identity",
    "wpc.tool",
    "wpc.egress",
    "wpc.privacy",
    // Envelopes of contracts.
    "wpc.signer",
    "wpc.hash",
    "wpc.signature",
    // Narrowing.
    "narrow.scope",
    "narrow.audience",
    "narrow.pin",
    "narrow.ttl",
    "narrow.spend_cap",
    // The token that is shown, and how it came to be.
    "claims.off",  // {"claims"} are not trusted
    "token.invalid",
    "token.audience",
    "token.unrecorded",
    "token.not_yet_valid",
    "token.expired",
    // The call.
    "call.proxy",
    "call.model",
    "call.tool",
    "call.egress",
    // The receipt.
    "decision.invalid",
    "decision.mismatch",
    "decision.expired",
    "receipt.cst_required",
    "receipt.unproven",
    "receipt.policy_hash",
    "receipt.scope_hash",
});

}  // namespace clawsigner::policy
