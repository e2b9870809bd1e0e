#include "crypto/digest.h"

#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

namespace clawsigner::crypto {
namespace {

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};

/// OpenSSL's one-shot SHA256 looks the algorithm up at every call, which costs several times what
/// hashing two blocks does; a tree's proof hashes hundreds of them.
EVP_MD_CTX* fresh_context() noexcept {
    static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> kContext(EVP_MD_CTX_new());
    return EVP_DigestInit_ex2(kContext.get(), kSha256, nullptr) == 1 ? kContext.get() : nullptr;
}

}  // namespace

Sha256 sha256(ByteView bytes) noexcept {
    Sha256 digest{};
    EVP_MD_CTX* const context = fresh_context();
    if (context == nullptr || EVP_DigestUpdate(context, bytes.data(), bytes.size()) != 1 ||
        EVP_DigestFinal_ex(context, digest.data(), nullptr) != 1) {
        std::abort();  // no memory, or an OpenSSL without SHA-256
    }
    return digest;
}

Sha512 sha512(ByteView bytes) noexcept {
    Sha512 digest{};
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha512(), nullptr) !=
        1) {
        std::abort();  // as above
    }
    return digest;
}

std::string sha256_b64u(std::string_view text) {
    return base::base64url_encode(sha256(text));
}

}  // namespace clawsigner::crypto
