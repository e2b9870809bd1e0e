#pragma once

#include "base/encoding.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace clawsigner::crypto {

using Sha256 = std::array<std::uint8_t, 32>;
using Sha512 = std::array<std::uint8_t, 64>;

/// FIPS 180-4. Any thread.
Sha256 sha256(ByteView bytes) noexcept;
inline Sha256 sha256(std::string_view text) noexcept {
    return sha256(base::as_bytes(text));
}

/// FIPS 180-4. Any thread. Not for what is hashed often: it looks the algorithm up each time.
Sha512 sha512(ByteView bytes) noexcept;

/// H(x) of the ecosystem: base64url of SHA-256 of the UTF-8 bytes, always 43 characters.
std::string sha256_b64u(std::string_view text);

}  // namespace clawsigner::crypto
