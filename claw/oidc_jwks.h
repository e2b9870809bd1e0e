#pragma once

#include "base/result.h"
#include "crypto/jws_key.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::claw {

class JsonReader;

inline constexpr std::size_t kMaxOidcJwksBytes = 65'536;
inline constexpr std::size_t kMaxOidcKeys = 32;

/// One key of an identity provider that can verify ID tokens.
struct OidcKey {
    std::string kid;
    crypto::JwsKey key;
    /// The key's JWK with the members that say what it is and no others, as canonical JSON
    /// (RFC 8785): alg, kid, kty, use and n, e or crv, x, y.
    std::string jwk;

    friend bool operator==(const OidcKey& a, const OidcKey& b) noexcept { return a.jwk == b.jwk; }
};

/// Reads an identity provider's JWK set (RFC 7517), in whatever layout it comes.
///
/// Skipped, because they cannot verify an ID token here: keys of another `kty`, `crv` or `alg` than
/// those of crypto::JwsAlgorithm, and keys whose `use` is "enc" or whose `key_ops` lack "verify".
/// Unknown members are passed over, as RFC 7517 section 4 has it. An RSA key without `alg` is for
/// RS256, OpenID Connect's default.
///
/// Refused, with the whole set: a member of a private or symmetric key (d, p, q, dp, dq, qi, oth,
/// k) in any key, also in one that would be skipped; a `kid` that is missing from a usable key, is
/// not 1 to 256 printable ASCII characters, or stands twice; a usable kty whose members make no key
/// (crypto::JwsKey); no usable key; more than kMaxOidcKeys keys; more than kMaxOidcJwksBytes.
/// Errors: malformed_json; invalid_field with the member's path; too_large.
Result<std::vector<OidcKey>> parse_oidc_jwks(std::string_view text);

/// As parse_oidc_jwks, for the set that is the member `name` of another document. Faults stay with
/// the reader.
std::vector<OidcKey> read_oidc_jwks(JsonReader& in, std::string_view name);

/// {"keys":[…]}: canonical JSON of what parse_oidc_jwks kept, in its order. It reads back as the
/// same keys.
std::string oidc_jwks_text(std::span<const OidcKey> keys);

}  // namespace clawsigner::claw
