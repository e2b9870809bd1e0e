#pragma once

#include "base/result.h"
#include "claw/oidc_jwks.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Okta's word on who a user is (OpenID Connect Core 1.0), verified here and by nobody else.
namespace clawsigner::policy {

/// How far the identity provider's clock may be from ours: for iat, nbf and exp.
inline constexpr std::chrono::seconds kIdTokenSkew{60};
/// How old an ID token may be, by its iat. Skew adds nothing to it.
inline constexpr std::chrono::seconds kMaxIdTokenAge{300};
inline constexpr std::size_t kMaxIdTokenBytes = 61'440;
inline constexpr std::size_t kMaxGroups = 512;
inline constexpr std::size_t kMaxGroupBytes = 256;

/// Whose ID tokens are believed.
struct OidcTrust {
    std::string issuer;    // an https URL, compared as a string
    std::string audience;  // our client id there
    std::vector<claw::OidcKey> keys;
    std::string groups_claim = "groups";
    bool require_nonce = false;

    friend bool operator==(const OidcTrust&, const OidcTrust&) = default;
};

/// Canonical JSON (RFC 8785): {"audience":…,"groups_claim":…,"issuer":…,"jwks":{"keys":[…]},
/// "require_nonce":…,"v":1}.
std::string oidc_trust_text(const OidcTrust& trust);

/// The document an operator writes, in any layout; groups_claim, require_nonce and v may be absent.
/// What was skipped of the JWKS (claw::parse_oidc_jwks) is not in oidc_trust_text. Errors:
/// too_large (over 65,536 bytes); malformed_json; invalid_field with the member's path.
Result<OidcTrust> parse_oidc_trust(std::string_view text);

/// A user who logged in: what an ID token says that holds.
struct IdToken {
    std::string issuer;
    std::string subject;
    std::vector<std::string> groups;  // as they came, each once
    /// H of the compact token: names it in the log.
    std::string digest;
    /// What one use is counted by: H(JCS([iss,"jti",jti])), else H(JCS([iss,"input",H(signing
    /// input)])). Another spelling or another signature of the same token has the same one.
    std::string use_key;
};

/// H(JCS([issuer, subject])): how a leaf names a user.
std::string hashed_subject(const IdToken& token);

/// Does this compact JWS prove that a user logged in with `trust.issuer` just now? `nonce` is what
/// the token's must equal where trust.require_nonce is set: H(JCS(request)), TokenRequestBody's.
///
/// The signature is verified before a claim is read. The key is found by kid and fixes the
/// algorithm. The header has alg and kid, perhaps typ "JWT", and nothing else. Claims that are not
/// looked at may be there; none may be doubled. `groups_claim` absent means no group.
///
/// Error: policy_denied at "id_token" by oidc.size, oidc.form, oidc.header, oidc.alg, oidc.kid,
/// oidc.signature, oidc.claims, oidc.issuer, oidc.audience, oidc.azp, oidc.expired,
/// oidc.not_yet_valid, oidc.issued_in_future, oidc.too_old, oidc.nonce, oidc.groups.
Result<IdToken> verify_id_token(const OidcTrust& trust, std::string_view compact,
                                std::int64_t now_unix_seconds, std::string_view nonce);

}  // namespace clawsigner::policy
