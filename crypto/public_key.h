#pragma once

#include "base/encoding.h"
#include "base/result.h"

#include <openssl/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace clawsigner::crypto {

class EcdsaVerifier;

enum class Algorithm : std::uint8_t {
    ed25519,  // RFC 8032, pure
    p256,     // ECDSA on P-256 over SHA-256, r||s (RFC 7518 ES256)
};

/// "ed25519", "p256": as configuration and the CLI spell them. Static storage.
std::string_view algorithm_name(Algorithm algorithm) noexcept;
std::optional<Algorithm> algorithm_from_name(std::string_view name) noexcept;

/// Both algorithms' signatures are 64 bytes.
using Signature = std::array<std::uint8_t, 64>;

/// Of the two P-256 signatures (r, s) and (r, n - s), which both hold, the one with the smaller s.
/// An artefact has one signature, so that its hash names it.
void use_low_s(Signature& signature) noexcept;

/// A public key: a P-256 point that is on its curve, or an Ed25519 encoding that is canonical and
/// not of small order (a key anybody could sign for). Immutable; copies share it; any
/// thread.
class PublicKey {
public:
    /// RFC 8032: 32 bytes. Error: invalid_field.
    static Result<PublicKey> ed25519(ByteView raw);
    /// SEC 1: compressed (33 bytes) or uncompressed (65). Error: invalid_field.
    static Result<PublicKey> p256(ByteView point);
    static Result<PublicKey> of(Algorithm algorithm, ByteView raw);

    Algorithm algorithm() const noexcept { return algorithm_; }
    /// The form every fingerprint is taken over: 32 bytes (Ed25519) or the 33-byte compressed point
    /// (P-256).
    ByteView raw() const noexcept { return raw_; }
    /// P-256 only: the affine coordinates, 32 bytes each, as a JWK shows them.
    ByteView x() const noexcept { return ByteView(point_).subspan(1, 32); }
    ByteView y() const noexcept { return ByteView(point_).subspan(33, 32); }

    /// Is `signature` this key's over `message`? The message is hashed here where the algorithm
    /// hashes. P-256: only with the smaller s (use_low_s).
    bool verifies(ByteView message, ByteView signature) const;

    friend bool operator==(const PublicKey& a, const PublicKey& b) noexcept {
        return a.algorithm_ == b.algorithm_ && a.raw_ == b.raw_;
    }

private:
    PublicKey(Bytes raw, std::shared_ptr<EVP_PKEY> key);
    PublicKey(Bytes raw, Bytes point, std::shared_ptr<const EcdsaVerifier> verifier);

    Algorithm algorithm_;
    Bytes raw_;
    Bytes point_;                        // uncompressed, P-256 only
    std::shared_ptr<EVP_PKEY> ed25519_;  // one of the two
    std::shared_ptr<const EcdsaVerifier> p256_;
};

}  // namespace clawsigner::crypto
