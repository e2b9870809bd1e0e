#include "crypto/jws_key.h"

#include "base/handle.h"
#include "crypto/digest.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <bit>
#include <string>

namespace clawsigner::crypto {
namespace {

using base::CPtr;
using Number = CPtr<BIGNUM, BN_free>;

constexpr std::size_t kMinModulusBits = 2048;
constexpr std::size_t kMaxModulusBits = 4096;
constexpr std::size_t kMaxExponentBytes = 4;
constexpr std::uint64_t kMinExponent = 65'537;
constexpr int kPssSaltBytes = 32;

constexpr std::array<std::string_view, 4> kNames{"RS256", "PS256", "ES256", "EdDSA"};

Error no_key(std::string_view why) {
    return {ErrorCode::invalid_field, std::string(why)};
}

std::size_t bits(ByteView number) {
    return number.empty() ? 0
                          : number.size() * 8 - static_cast<std::size_t>(std::countl_zero(
                                                    static_cast<std::uint8_t>(number.front())));
}

Status check_modulus(ByteView modulus) {
    if (bits(modulus) < kMinModulusBits || bits(modulus) > kMaxModulusBits) {
        return no_key("an RSA modulus must have from 2048 to 4096 bits");
    }
    if (modulus.front() == 0 || modulus.back() % 2 == 0) {
        return no_key("an RSA modulus must be odd and without leading zeros");
    }
    return Status::done();
}

Status check_exponent(ByteView exponent) {
    if (exponent.empty() || exponent.size() > kMaxExponentBytes || exponent.front() == 0) {
        return no_key("an RSA exponent must have from 1 to 4 bytes and no leading zeros");
    }
    std::uint64_t value = 0;
    for (const std::uint8_t byte : exponent) {
        value = (value << 8U) | byte;
    }
    if (value < kMinExponent || value % 2 == 0) {
        return no_key("an RSA exponent must be odd and at least 65537");
    }
    return Status::done();
}

Number number_of(ByteView bytes) {
    return Number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

EVP_PKEY* rsa_key(ByteView modulus, ByteView exponent) {
    const Number n = number_of(modulus);
    const Number e = number_of(exponent);
    const CPtr<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
    if (n == nullptr || e == nullptr || builder == nullptr ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
        return nullptr;
    }
    const CPtr<OSSL_PARAM, OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(builder.get()));
    const CPtr<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
        EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    EVP_PKEY* key = nullptr;
    if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
        return nullptr;
    }
    return key;
}

/// RSASSA-PSS with a salt as long as the hash (RFC 7518 section 3.5); MGF1 takes the same hash.
bool use_pss(EVP_PKEY_CTX* context) {
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, kPssSaltBytes) == 1;
}

bool rsa_verifies(EVP_PKEY* key, JwsAlgorithm algorithm, ByteView message, ByteView signature) {
    if (signature.size() != static_cast<std::size_t>(EVP_PKEY_get_size(key))) {
        return false;
    }
    const CPtr<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* padding = nullptr;  // the context's
    return context != nullptr &&
           EVP_DigestVerifyInit(context.get(), &padding, EVP_sha256(), nullptr, key) == 1 &&
           (algorithm != JwsAlgorithm::ps256 || use_pss(padding)) &&
           EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                            message.size()) == 1;
}

/// Others may sign with either s; ours are verified with the smaller only.
bool verifies_with_either_s(const PublicKey& key, ByteView message, ByteView signature) {
    Signature one_form{};
    if (signature.size() != one_form.size()) {
        return false;
    }
    std::ranges::copy(signature, one_form.begin());
    if (key.algorithm() == Algorithm::p256) {
        use_low_s(one_form);
    }
    return key.verifies(message, one_form);
}

}  // namespace

std::string_view jws_algorithm_name(JwsAlgorithm algorithm) noexcept {
    return kNames[static_cast<std::size_t>(algorithm)];
}

std::optional<JwsAlgorithm> jws_algorithm_from_name(std::string_view name) noexcept {
    const auto* found = std::ranges::find(kNames, name);
    if (found == kNames.end()) {
        return std::nullopt;
    }
    return static_cast<JwsAlgorithm>(found - kNames.begin());
}

Result<JwsKey> JwsKey::rsa(JwsAlgorithm algorithm, ByteView modulus, ByteView exponent) {
    if (algorithm != JwsAlgorithm::rs256 && algorithm != JwsAlgorithm::ps256) {
        return no_key("an RSA key is for RS256 or PS256");
    }
    CHECK_OK(check_modulus(modulus));
    CHECK_OK(check_exponent(exponent));
    Rsa key(rsa_key(modulus, exponent), EVP_PKEY_free);
    if (key == nullptr) {
        return no_key("not an RSA public key");
    }
    return JwsKey(algorithm, std::move(key));
}

JwsKey JwsKey::of(PublicKey key) {
    const auto algorithm =
        key.algorithm() == Algorithm::ed25519 ? JwsAlgorithm::eddsa : JwsAlgorithm::es256;
    return {algorithm, std::move(key)};
}

bool JwsKey::verifies(ByteView message, ByteView signature) const {
    if (const auto* rsa = std::get_if<Rsa>(&key_)) {
        return rsa_verifies(rsa->get(), algorithm_, message, signature);
    }
    return verifies_with_either_s(std::get<PublicKey>(key_), message, signature);
}

}  // namespace clawsigner::crypto
