#include "crypto/public_key.h"

#include "base/handle.h"
#include "crypto/digest.h"
#include "crypto/ecdsa_verifier.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <string>

namespace clawsigner::crypto {
namespace {

using base::CPtr;
using KeyPtr = EcdsaVerifier::Key;

constexpr std::size_t kEd25519Size = 32;
constexpr std::size_t kP256PointSize = 65;
constexpr std::size_t kP256Half = 32;
constexpr std::size_t kMaxDerSignature = 72;

Error no_key(std::string_view why) {
    return Error(ErrorCode::invalid_field, std::string(why));
}

/// The point in the encoding asked for, or empty when OpenSSL cannot.
Bytes encoded_point(const EVP_PKEY* key, point_conversion_form_t form) {
    const CPtr<EC_GROUP, EC_GROUP_free> group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
    const CPtr<EC_POINT, EC_POINT_free> point(EC_POINT_new(group.get()));
    Bytes uncompressed(kP256PointSize);
    std::size_t size = 0;
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
                                        uncompressed.data(), uncompressed.size(), &size) != 1 ||
        EC_POINT_oct2point(group.get(), point.get(), uncompressed.data(), size, nullptr) != 1) {
        return {};
    }
    Bytes encoded(kP256PointSize);
    encoded.resize(EC_POINT_point2oct(group.get(), point.get(), form, encoded.data(),
                                      encoded.size(), nullptr));
    return encoded;
}

KeyPtr p256_from_point(ByteView point) {
    const CPtr<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                     point.size());
    const CPtr<OSSL_PARAM, OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(builder.get()));
    const CPtr<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
        EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    EVP_PKEY* key = nullptr;
    if (params == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
        return nullptr;
    }
    return KeyPtr(key);
}

/// r||s to the DER SEQUENCE OpenSSL verifies; 0 bytes written when r or s cannot be encoded.
std::size_t to_der(ByteView signature, std::span<std::uint8_t, kMaxDerSignature> der) {
    const CPtr<ECDSA_SIG, ECDSA_SIG_free> parts(ECDSA_SIG_new());
    BIGNUM* r = BN_bin2bn(signature.data(), kP256Half, nullptr);
    BIGNUM* s = BN_bin2bn(signature.data() + kP256Half, kP256Half, nullptr);
    if (ECDSA_SIG_set0(parts.get(), r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return 0;
    }
    std::uint8_t* end = der.data();
    return static_cast<std::size_t>(std::max(i2d_ECDSA_SIG(parts.get(), &end), 0));
}

bool ed25519_verifies(EVP_PKEY* key, ByteView message, ByteView signature) {
    const CPtr<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
           EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                            message.size()) == 1;
}

// The order of P-256's group (SEC 2 section 2.4.2), and half of it.
constexpr std::array<std::uint8_t, 32> kOrder{
    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51};
constexpr std::array<std::uint8_t, 32> kHalfOrder{
    0x7F, 0xFF, 0xFF, 0xFF, 0x80, 0x00, 0x00, 0x00, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
    0xDE, 0x73, 0x7D, 0x56, 0xD3, 0x8B, 0xCF, 0x42, 0x79, 0xDC, 0xE5, 0x61, 0x7E, 0x31, 0x92, 0xA8};

bool has_low_s(ByteView signature) {
    return std::ranges::lexicographical_compare(signature.subspan(32, 32), kHalfOrder) ||
           std::ranges::equal(signature.subspan(32, 32), kHalfOrder);
}

/// The encoding without the sign of x: y, little-endian.
std::array<std::uint8_t, 32> y_of(ByteView raw) {
    std::array<std::uint8_t, 32> y{};
    std::ranges::copy(raw, y.begin());
    y.back() &= 0x7FU;
    return y;
}

/// Is y below p = 2^255 - 19? A larger one is another spelling of y - p (RFC 8032 section 5.1.3).
bool is_canonical(ByteView raw) {
    const auto y = y_of(raw);
    const bool top = y.back() == 0x7F && std::all_of(y.begin() + 1, y.end() - 1,
                                                     [](std::uint8_t b) { return b == 0xFF; });
    return !top || y.front() < 0xED;
}

/// The y of the eight points whose order divides 8: with such a key, signatures that verify can be
/// made without any secret.
bool is_of_small_order(ByteView raw) {
    static constexpr std::array<std::string_view, 5> kSmallOrder{
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"};
    return std::ranges::find(kSmallOrder, base::hex_encode(y_of(raw))) != kSmallOrder.end();
}

}  // namespace

std::string_view algorithm_name(Algorithm algorithm) noexcept {
    return algorithm == Algorithm::ed25519 ? "ed25519" : "p256";
}

std::optional<Algorithm> algorithm_from_name(std::string_view name) noexcept {
    for (const Algorithm algorithm : {Algorithm::ed25519, Algorithm::p256}) {
        if (algorithm_name(algorithm) == name) {
            return algorithm;
        }
    }
    return std::nullopt;
}

PublicKey::PublicKey(Bytes raw, std::shared_ptr<EVP_PKEY> key)
    : algorithm_(Algorithm::ed25519), raw_(std::move(raw)), ed25519_(std::move(key)) {}

PublicKey::PublicKey(Bytes raw, Bytes point, std::shared_ptr<const EcdsaVerifier> verifier)
    : algorithm_(Algorithm::p256),
      raw_(std::move(raw)),
      point_(std::move(point)),
      p256_(std::move(verifier)) {}

Result<PublicKey> PublicKey::ed25519(ByteView raw) {
    if (raw.size() != kEd25519Size) {
        return no_key("an Ed25519 public key has 32 bytes");
    }
    if (!is_canonical(raw) || is_of_small_order(raw)) {
        return no_key("an Ed25519 public key must be canonical and not of small order");
    }
    KeyPtr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw.data(), raw.size()));
    if (key == nullptr) {
        return no_key("not an Ed25519 public key");
    }
    return PublicKey(Bytes(raw.begin(), raw.end()), std::move(key));
}

Result<PublicKey> PublicKey::p256(ByteView point) {
    KeyPtr key = p256_from_point(point);
    if (key == nullptr) {
        return no_key("not a point on P-256");
    }
    Bytes compressed = encoded_point(key.get(), POINT_CONVERSION_COMPRESSED);
    Bytes uncompressed = encoded_point(key.get(), POINT_CONVERSION_UNCOMPRESSED);
    if (compressed.empty() || uncompressed.size() != kP256PointSize) {
        return no_key("not a point on P-256");
    }
    return PublicKey(std::move(compressed), std::move(uncompressed),
                     std::make_shared<EcdsaVerifier>(std::move(key)));
}

Result<PublicKey> PublicKey::of(Algorithm algorithm, ByteView raw) {
    return algorithm == Algorithm::ed25519 ? ed25519(raw) : p256(raw);
}

bool PublicKey::verifies(ByteView message, ByteView signature) const {
    if (signature.size() != std::tuple_size_v<Signature>) {
        return false;
    }
    if (algorithm_ == Algorithm::ed25519) {
        return ed25519_verifies(ed25519_.get(), message, signature);
    }
    if (!has_low_s(signature)) {
        return false;
    }
    std::array<std::uint8_t, kMaxDerSignature> der{};
    const std::size_t size = to_der(signature, der);
    return size > 0 && p256_->verifies(sha256(message), ByteView(der).first(size));
}

void use_low_s(Signature& signature) noexcept {
    if (has_low_s(signature)) {
        return;
    }
    int borrow = 0;
    for (std::size_t i = 32; i-- > 0;) {
        const int difference = kOrder[i] - signature[32 + i] - borrow;
        borrow = difference < 0 ? 1 : 0;
        signature[32 + i] = static_cast<std::uint8_t>(difference + (borrow << 8));
    }
}

}  // namespace clawsigner::crypto
