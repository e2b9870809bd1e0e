#include "crypto/seed_key.h"

#include "base/encoding.h"
#include "base/handle.h"

#include <openssl/evp.h>

#include <array>
#include <string_view>

namespace clawsigner::crypto {
namespace {

constexpr std::size_t kSeedSize = 32;
constexpr std::size_t kBase64urlLength = 43;
constexpr std::size_t kHexLength = 64;

using Key = base::CPtr<EVP_PKEY, EVP_PKEY_free>;

Error no_seed() {
    return {ErrorCode::invalid_field,
            "the seed must be 32 bytes: 43 characters of base64url, or 64 hex digits"};
}

Result<base::Secret> seed_of(const base::Secret& text) {
    const std::string_view characters(text.expose_c_str(), text.size());
    Result<Bytes> bytes = no_seed();
    if (characters.size() == kBase64urlLength) {
        bytes = base::base64url_decode(characters);
    } else if (characters.size() == kHexLength) {
        bytes = base::hex_decode(characters);
    }
    if (!bytes.ok() || bytes->size() != kSeedSize) {
        return no_seed();
    }
    auto seed = base::Secret::copy_of(*bytes);
    base::wipe_bytes(*bytes);
    return seed;
}

Key key_of(const base::Secret& seed) {
    return Key(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.expose().data(), seed.size()));
}

}  // namespace

Result<SeedKey> SeedKey::parse(const base::Secret& text) {
    TRY(base::Secret seed, seed_of(text));
    const Key key = key_of(seed);
    std::array<std::uint8_t, kSeedSize> raw{};
    std::size_t size = raw.size();
    if (key == nullptr || EVP_PKEY_get_raw_public_key(key.get(), raw.data(), &size) != 1) {
        return no_seed();
    }
    TRY(auto public_key, PublicKey::ed25519(raw));
    return SeedKey(std::move(seed), std::move(public_key));
}

Result<Signature> SeedKey::sign(const RotationInput& input) const {
    const Key key = key_of(seed_);
    const base::CPtr<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    Signature signature{};
    std::size_t size = signature.size();
    const ByteView message = input.bytes();
    if (key == nullptr || context == nullptr ||
        EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
        EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) !=
            1 ||
        size != signature.size()) {
        return Error(ErrorCode::internal, "the seed's key did not sign");
    }
    return signature;
}

}  // namespace clawsigner::crypto
