#include "crypto/mac.h"

#include "crypto/random.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace clawsigner::crypto {
namespace {

constexpr std::size_t kTextChars = 43;

}  // namespace

Result<MacKey> MacKey::random() {
    TRY(auto key, Secret::zeroed(kSize));
    CHECK_OK(fill_random(key.expose_mutable()));
    return MacKey(std::move(key));
}

Result<MacKey> MacKey::parse(ByteView text) {
    if (text.size() != kTextChars) {
        return Error(ErrorCode::invalid_field, "a MAC key has 43 characters");
    }
    TRY(auto bytes,
        base::base64url_decode({reinterpret_cast<const char*>(text.data()), text.size()}));
    auto key = Secret::copy_of(bytes);
    base::wipe_bytes(bytes);
    if (!key.ok()) {
        return key.error();
    }
    return MacKey(std::move(key).value());
}

Result<Secret> MacKey::text() const {
    std::string encoded = base::base64url_encode(key_.expose());
    auto text = Secret::copy_of(base::as_bytes(encoded));
    base::wipe_bytes({reinterpret_cast<std::uint8_t*>(encoded.data()), encoded.size()});
    return text;
}

Sha256 MacKey::mac(ByteView message) const noexcept {
    Sha256 mac{};
    if (HMAC(EVP_sha256(), key_.expose().data(), static_cast<int>(key_.size()), message.data(),
             message.size(), mac.data(), nullptr) == nullptr) {
        std::abort();  // no memory, or an OpenSSL without SHA-256
    }
    return mac;
}

bool MacKey::verifies(ByteView message, ByteView mac) const noexcept {
    const Sha256 ours = this->mac(message);
    return mac.size() == ours.size() && CRYPTO_memcmp(ours.data(), mac.data(), ours.size()) == 0;
}

}  // namespace clawsigner::crypto
