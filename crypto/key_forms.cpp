#include "crypto/key_forms.h"

#include "base/encoding.h"
#include "crypto/digest.h"

#include <algorithm>
#include <array>

namespace clawsigner::crypto {
namespace {

constexpr std::string_view kDidStart = "did:key:z";
constexpr std::size_t kKidBytes = 8;
// Multicodec varints: ed25519-pub 0xed, p256-pub 0x1200.
constexpr std::array<std::uint8_t, 2> kEd25519Codec{0xED, 0x01};
constexpr std::array<std::uint8_t, 2> kP256Codec{0x80, 0x24};

ByteView codec(Algorithm algorithm) {
    return algorithm == Algorithm::ed25519 ? ByteView(kEd25519Codec) : ByteView(kP256Codec);
}

}  // namespace

std::string kid(const PublicKey& key) {
    const Sha256 digest = sha256(key.raw());
    return base::hex_encode(ByteView(digest).first(kKidBytes));
}

std::string did_key(const PublicKey& key) {
    const ByteView prefix = codec(key.algorithm());
    Bytes bytes(prefix.begin(), prefix.end());
    bytes.insert(bytes.end(), key.raw().begin(), key.raw().end());
    return std::string(kDidStart) + base::base58btc_encode(bytes);
}

Result<PublicKey> public_key_from_did(std::string_view did) {
    const Error refused(ErrorCode::invalid_field, "must be a did:key of an Ed25519 or P-256 key");
    if (!did.starts_with(kDidStart)) {
        return refused;
    }
    auto bytes = base::base58btc_decode(did.substr(kDidStart.size()));
    if (!bytes.ok()) {
        return refused;
    }
    for (const Algorithm algorithm : {Algorithm::ed25519, Algorithm::p256}) {
        const ByteView prefix = codec(algorithm);
        if (bytes->size() <= prefix.size() ||
            !std::equal(prefix.begin(), prefix.end(), bytes->begin())) {
            continue;
        }
        auto key = PublicKey::of(algorithm, ByteView(*bytes).subspan(prefix.size()));
        // One spelling only: an uncompressed point, for one, is not what did_key prints.
        if (key.ok() && did_key(*key) == did) {
            return key;
        }
    }
    return refused;
}

Jwk to_jwk(const PublicKey& key) {
    if (key.algorithm() == Algorithm::ed25519) {
        return {"OKP", "Ed25519", base::base64url_encode(key.raw()), "", kid(key), "EdDSA"};
    }
    return {"EC",     "P-256", base::base64url_encode(key.x()), base::base64url_encode(key.y()),
            kid(key), "ES256"};
}

Result<PublicKey> public_key_from_jwk(const Jwk& jwk) {
    const bool ed25519 = jwk.kty == "OKP" && jwk.crv == "Ed25519" && jwk.alg == "EdDSA";
    const bool p256 = jwk.kty == "EC" && jwk.crv == "P-256" && jwk.alg == "ES256";
    if (!ed25519 && !p256) {
        return Error::at("kty", "must be OKP/Ed25519/EdDSA or EC/P-256/ES256 (kty, crv, alg)");
    }
    TRY(Bytes raw, base::base64url_decode(jwk.x));
    if (p256) {
        TRY(const Bytes y, base::base64url_decode(jwk.y));
        if (raw.size() != 32 || y.size() != 32) {
            return Error::at("x", "and y must have 32 bytes each");
        }
        raw.insert(raw.begin(), 0x04);  // SEC 1: uncompressed
        raw.insert(raw.end(), y.begin(), y.end());
    }
    TRY(PublicKey key, PublicKey::of(ed25519 ? Algorithm::ed25519 : Algorithm::p256, raw));
    if (kid(key) != jwk.kid) {
        return Error::at("kid", "is not this key's: expected " + kid(key));
    }
    return key;
}

std::string jwk_thumbprint(const PublicKey& key) {
    const Jwk jwk = to_jwk(key);
    std::string text = R"({"crv":")" + jwk.crv + R"(","kty":")" + jwk.kty + R"(","x":")" + jwk.x;
    if (!jwk.y.empty()) {
        text.append(R"(","y":")").append(jwk.y);
    }
    return sha256_b64u(text.append("\"}"));
}

KeyIdentity identity_of(const PublicKey& key) {
    return {key, kid(key), did_key(key)};
}

std::string_view jws_algorithm(Algorithm algorithm) noexcept {
    return algorithm == Algorithm::ed25519 ? "EdDSA" : "ES256";
}

std::string_view envelope_algorithm(Algorithm algorithm) noexcept {
    return algorithm == Algorithm::ed25519 ? "Ed25519" : "ES256";
}

}  // namespace clawsigner::crypto
