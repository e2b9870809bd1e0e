#include "crypto/memory_key.h"

#include "base/encoding.h"
#include "base/handle.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>

namespace clawsigner::crypto {
namespace {

constexpr std::size_t kSeedSize = 32;
constexpr std::size_t kPointSize = 65;
constexpr int kNumberSize = 32;
constexpr std::size_t kLongestDer = 80;

using Context = base::CPtr<EVP_MD_CTX, EVP_MD_CTX_free>;
using EcdsaPair = base::CPtr<ECDSA_SIG, ECDSA_SIG_free>;

std::shared_ptr<EVP_PKEY> owned(EVP_PKEY* key) {
    return {key, EVP_PKEY_free};
}

Error no_key() {
    return {ErrorCode::invalid_field, "is no private key of this algorithm"};
}

Result<Signature> signature_from(ByteView der) {
    const unsigned char* at = der.data();
    const EcdsaPair pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
    Signature signature{};
    if (pair == nullptr ||
        BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), signature.data(), kNumberSize) != kNumberSize ||
        BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), signature.data() + kNumberSize, kNumberSize) !=
            kNumberSize) {
        return Error(ErrorCode::internal, "OpenSSL gave no signature of P-256");
    }
    use_low_s(signature);
    return signature;
}

}  // namespace

Status make_secure_heap() {
    constexpr std::size_t kSize = 65'536;  // within the usual RLIMIT_MEMLOCK
    constexpr std::size_t kSmallest = 32;
    return CRYPTO_secure_malloc_init(kSize, kSmallest) != 0
               ? Status::done()
               : Status(Error(ErrorCode::io_failed, "cannot make a heap for private keys"));
}

Result<MemoryKey> MemoryKey::ed25519(const base::Secret& seed) {
    // OpenSSL 3.0 keeps the bytes it is given among the rest of the heap, a copy of them in the
    // secure one, and wipes what it frees.
    const auto given = seed.size() == kSeedSize
                           ? owned(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                                                seed.expose().data(), seed.size()))
                           : nullptr;
    auto key = given != nullptr ? owned(EVP_PKEY_dup(given.get())) : nullptr;
    std::array<std::uint8_t, kSeedSize> raw{};
    std::size_t size = raw.size();
    if (key == nullptr || EVP_PKEY_get_raw_public_key(key.get(), raw.data(), &size) != 1) {
        return no_key();
    }
    TRY(auto public_key, PublicKey::ed25519(raw));
    return MemoryKey(std::move(key), std::move(public_key));
}

Result<MemoryKey> MemoryKey::p256_of(Key key) {
    std::array<std::uint8_t, kPointSize> point{};
    std::size_t size = 0;
    if (key == nullptr ||
        EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point.data(),
                                        point.size(), &size) != 1) {
        return no_key();
    }
    TRY(auto public_key, PublicKey::p256(ByteView(point).first(size)));
    return MemoryKey(std::move(key), std::move(public_key));
}

Result<MemoryKey> MemoryKey::new_p256() {
    return p256_of(owned(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")));
}

Result<MemoryKey> MemoryKey::p256(const base::Secret& private_bytes) {
    const unsigned char* at = private_bytes.expose().data();
    return p256_of(
        owned(d2i_PrivateKey(EVP_PKEY_EC, nullptr, &at, static_cast<long>(private_bytes.size()))));
}

Result<base::Secret> MemoryKey::private_bytes() const {
    const int size = i2d_PrivateKey(key_.get(), nullptr);
    if (size <= 0) {
        return Error(ErrorCode::internal, "OpenSSL did not write the key");
    }
    TRY(auto secret, base::Secret::zeroed(static_cast<std::size_t>(size)));
    unsigned char* at = secret.expose_mutable().data();
    i2d_PrivateKey(key_.get(), &at);
    return secret;
}

Result<Signature> MemoryKey::sign(ByteView message) const {
    const bool hashed = public_key_.algorithm() == Algorithm::p256;
    const Context context(EVP_MD_CTX_new());
    std::array<std::uint8_t, kLongestDer> made{};
    std::size_t size = made.size();
    if (context == nullptr ||
        EVP_DigestSignInit(context.get(), nullptr, hashed ? EVP_sha256() : nullptr, nullptr,
                           key_.get()) != 1 ||
        EVP_DigestSign(context.get(), made.data(), &size, message.data(), message.size()) != 1) {
        return Error(ErrorCode::internal, "the key in memory did not sign");
    }
    if (hashed) {
        return signature_from(ByteView(made).first(size));
    }
    Signature signature{};
    if (size != signature.size()) {
        return Error(ErrorCode::internal, "the key in memory did not sign");
    }
    std::copy_n(made.begin(), size, signature.begin());
    return signature;
}

}  // namespace clawsigner::crypto
