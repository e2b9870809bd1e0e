#pragma once

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::base {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// RFC 4648 section 5, never padded.
std::string base64url_encode(ByteView bytes);

/// Accepts the one spelling base64url_encode would give and nothing else: no padding, no white
/// space, no spare bits set. Error: invalid_field without a field name.
Result<Bytes> base64url_decode(std::string_view text);

/// RFC 4648 section 4, padded.
std::string base64_encode(ByteView bytes);
/// Accepts the one spelling base64_encode would give and nothing else. Error: invalid_field without
/// a field name.
Result<Bytes> base64_decode(std::string_view text);

/// Lower case.
std::string hex_encode(ByteView bytes);
/// Lower case only, an even number of digits. Error: invalid_field without a field name.
Result<Bytes> hex_decode(std::string_view text);

/// Bitcoin's alphabet, as multibase 'z' and did:key use it.
std::string base58btc_encode(ByteView bytes);
/// At most 128 characters (the work is quadratic). Error: invalid_field without a field name.
Result<Bytes> base58btc_decode(std::string_view text);

/// Digits only, no leading zero but of 0 itself, below 2^64. Error: invalid_field without a field
/// name.
Result<std::uint64_t> decimal_decode(std::string_view text);

}  // namespace clawsigner::base

namespace clawsigner {
using base::Bytes;
using base::ByteView;
}  // namespace clawsigner
