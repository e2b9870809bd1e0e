#pragma once

#include "base/encoding.h"
#include "base/result.h"
#include "crypto/public_key.h"

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

namespace clawsigner::crypto {

/// How other people's tokens may be signed (RFC 7518 section 3.1, RFC 8037). Nothing here signs:
/// RSA is only ever verified, and a symmetric or "none" algorithm has no name.
enum class JwsAlgorithm : std::uint8_t { rs256, ps256, es256, eddsa };

/// "RS256", "PS256", "ES256", "EdDSA". Static storage.
std::string_view jws_algorithm_name(JwsAlgorithm algorithm) noexcept;
std::optional<JwsAlgorithm> jws_algorithm_from_name(std::string_view name) noexcept;

/// A public key of an identity provider, for one algorithm: the key says how it signs, never the
/// token. Immutable; copies share it; any thread.
class JwsKey {
public:
    /// `modulus` and `exponent` big-endian, without leading zeros (RFC 7518 section 6.3.1). Only
    /// rs256 and ps256; a modulus of 2048 to 4096 bits, odd; an exponent from 65537 to 2^32 - 1,
    /// odd. Error: invalid_field.
    static Result<JwsKey> rsa(JwsAlgorithm algorithm, ByteView modulus, ByteView exponent);
    /// es256 or eddsa, as the key is.
    static JwsKey of(PublicKey key);

    JwsAlgorithm algorithm() const noexcept { return algorithm_; }

    /// Is `signature` this key's over `message`? RSA: exactly as long as the modulus; ps256 with a
    /// salt of 32 bytes (RFC 7518 section 3.5). es256: r||s of 64 bytes, with either of the two s;
    /// so the signature does not name what was signed, and nothing may count signatures.
    bool verifies(ByteView message, ByteView signature) const;

private:
    using Rsa = std::shared_ptr<EVP_PKEY>;
    JwsKey(JwsAlgorithm algorithm, std::variant<Rsa, PublicKey> key)
        : algorithm_(algorithm), key_(std::move(key)) {}

    JwsAlgorithm algorithm_;
    std::variant<Rsa, PublicKey> key_;
};

}  // namespace clawsigner::crypto
