#include "support/software_key.h"

#include "base/handle.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace clawsigner::tests {
namespace {

constexpr std::string_view kRfc8032Seed =
    "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

void require(bool good) {
    if (!good) {
        std::abort();
    }
}

std::shared_ptr<EVP_PKEY> owned(EVP_PKEY* key) {
    require(key != nullptr);
    return {key, EVP_PKEY_free};
}

crypto::PublicKey public_half(EVP_PKEY* key, crypto::Algorithm algorithm) {
    std::array<std::uint8_t, 65> raw{};
    std::size_t size = raw.size();
    if (algorithm == crypto::Algorithm::ed25519) {
        require(EVP_PKEY_get_raw_public_key(key, raw.data(), &size) == 1);
    } else {
        require(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, raw.data(),
                                                raw.size(), &size) == 1);
    }
    return crypto::PublicKey::of(algorithm, ByteView(raw).first(size)).value();
}

crypto::Signature from_der(ByteView der) {
    const std::uint8_t* at = der.data();
    const base::CPtr<ECDSA_SIG, ECDSA_SIG_free> parts(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
    require(parts != nullptr);
    crypto::Signature signature{};
    require(BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), signature.data(), 32) == 32);
    require(BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), signature.data() + 32, 32) == 32);
    return signature;
}

}  // namespace

SoftwareKey::SoftwareKey(std::shared_ptr<EVP_PKEY> key, crypto::PublicKey public_key)
    : key_(std::move(key)), public_key_(std::move(public_key)) {}

SoftwareKey SoftwareKey::golden() {
    return of_seed(kRfc8032Seed);
}

SoftwareKey SoftwareKey::of_seed(std::string_view hex) {
    const Bytes seed = base::hex_decode(hex).value();
    auto key =
        owned(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
    auto half = public_half(key.get(), crypto::Algorithm::ed25519);
    return {std::move(key), std::move(half)};
}

SoftwareKey SoftwareKey::random(crypto::Algorithm algorithm) {
    auto key = owned(algorithm == crypto::Algorithm::ed25519
                         ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                         : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    auto half = public_half(key.get(), algorithm);
    return {std::move(key), std::move(half)};
}

crypto::Signature SoftwareKey::sign(ByteView message) const {
    const bool ed25519 = public_key_.algorithm() == crypto::Algorithm::ed25519;
    const base::CPtr<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    std::array<std::uint8_t, 80> out{};
    std::size_t size = out.size();
    require(EVP_DigestSignInit(context.get(), nullptr, ed25519 ? nullptr : EVP_sha256(), nullptr,
                               key_.get()) == 1);
    require(EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) == 1);
    if (!ed25519) {
        crypto::Signature signature = from_der(ByteView(out).first(size));
        crypto::use_low_s(signature);
        return signature;
    }
    crypto::Signature signature{};
    std::copy_n(out.begin(), signature.size(), signature.begin());
    return signature;
}

}  // namespace clawsigner::tests
