#include "bench/verifier.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/x509.h>

#include <array>
#include <utility>

namespace clawsigner::bench {
namespace {

using crypto::Algorithm;

constexpr std::size_t kHalf = 32;
constexpr std::size_t kMaxDer = 72;

// A SubjectPublicKeyInfo up to its key (RFC 8410, RFC 5480).
constexpr std::string_view kEd25519Info = "302a300506032b6570032100";
constexpr std::string_view kP256Info = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";

void append(Bytes& bytes, ByteView more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}

}  // namespace

Verifier::Verifier(Algorithm algorithm, Key key)
    : algorithm_(algorithm),
      key_(std::move(key)),
      ed25519_(EVP_MD_CTX_new()),
      p256_(EVP_PKEY_CTX_new(key_.get(), nullptr)) {}

Result<Verifier> Verifier::of(const crypto::PublicKey& key) {
    const bool is_p256 = key.algorithm() == Algorithm::p256;
    TRY(Bytes info, base::hex_decode(is_p256 ? kP256Info : kEd25519Info));
    if (is_p256) {
        append(info, key.x());
        append(info, key.y());
    } else {
        append(info, key.raw());
    }
    const std::uint8_t* begin = info.data();
    Verifier verifier(key.algorithm(),
                      Key(d2i_PUBKEY(nullptr, &begin, static_cast<long>(info.size()))));
    if (verifier.key_ == nullptr || (is_p256 && EVP_PKEY_verify_init(verifier.p256_.get()) != 1)) {
        return Error(ErrorCode::unsupported, "OpenSSL does not take the public key");
    }
    return verifier;
}

bool Verifier::verifies(ByteView signed_bytes, ByteView signature) {
    return algorithm_ == Algorithm::p256 ? p256_verifies(signed_bytes, signature)
                                         : ed25519_verifies(signed_bytes, signature);
}

bool Verifier::ed25519_verifies(ByteView message, ByteView signature) {
    return EVP_DigestVerifyInit(ed25519_.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
           EVP_DigestVerify(ed25519_.get(), signature.data(), signature.size(), message.data(),
                            message.size()) == 1;
}

bool Verifier::p256_verifies(ByteView digest, ByteView signature) {
    const base::CPtr<ECDSA_SIG, ECDSA_SIG_free> parts(ECDSA_SIG_new());
    if (ECDSA_SIG_set0(parts.get(), BN_bin2bn(signature.data(), kHalf, nullptr),
                       BN_bin2bn(signature.data() + kHalf, kHalf, nullptr)) != 1) {
        return false;
    }
    std::array<std::uint8_t, kMaxDer> der{};
    std::uint8_t* end = der.data();
    const int size = i2d_ECDSA_SIG(parts.get(), &end);
    return size > 0 && EVP_PKEY_verify(p256_.get(), der.data(), static_cast<std::size_t>(size),
                                       digest.data(), digest.size()) == 1;
}

}  // namespace clawsigner::bench
