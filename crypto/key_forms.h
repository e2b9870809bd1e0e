#pragma once

#include "base/result.h"
#include "crypto/public_key.h"

#include <string>
#include <string_view>

namespace clawsigner::crypto {

/// The ecosystem's key id: the first 16 hex digits of SHA-256 over PublicKey::raw().
std::string kid(const PublicKey& key);

/// did:key with the multicodec prefix of the algorithm: z6Mk… (Ed25519), zDn… (P-256).
std::string did_key(const PublicKey& key);
/// Accepts what did_key gives and nothing else. Error: invalid_field without a field name.
Result<PublicKey> public_key_from_did(std::string_view did);

/// The members of a public JWK (RFC 7517, 7518, 8037). `y` is empty for Ed25519.
struct Jwk {
    std::string kty;  // "OKP" | "EC"
    std::string crv;  // "Ed25519" | "P-256"
    std::string x;
    std::string y;
    std::string kid;
    std::string alg;  // "EdDSA" | "ES256"
};

Jwk to_jwk(const PublicKey& key);
/// Error: invalid_field, when the members do not make a key, or its kid is not the one stated.
Result<PublicKey> public_key_from_jwk(const Jwk& jwk);

/// RFC 7638: base64url of SHA-256 over the required members of the key's JWK, 43 characters.
std::string jwk_thumbprint(const PublicKey& key);

/// A public key with the names it goes by, made once.
struct KeyIdentity {
    PublicKey key;
    std::string kid;
    std::string did;
};
KeyIdentity identity_of(const PublicKey& key);

/// RFC 7518, RFC 8037: "EdDSA", "ES256". Static storage.
std::string_view jws_algorithm(Algorithm algorithm) noexcept;

/// The name an ecosystem envelope gives to the algorithm: "Ed25519", "ES256". Static storage.
std::string_view envelope_algorithm(Algorithm algorithm) noexcept;

}  // namespace clawsigner::crypto
