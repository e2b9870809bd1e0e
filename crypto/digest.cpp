#include "crypto/digest.h"

#include <openssl/sha.h>

namespace clawsigner::crypto {

Sha256 sha256(ByteView bytes) noexcept {
    Sha256 digest{};
    SHA256(bytes.data(), bytes.size(), digest.data());
    return digest;
}

std::string sha256_b64u(std::string_view text) {
    return base::base64url_encode(sha256(text));
}

}  // namespace clawsigner::crypto
