#pragma once

#include <optional>
#include <string_view>

namespace clawsigner::claw {

/// The first code point of `text`, which is taken off it; nothing when it does not begin with one
/// in valid UTF-8 (RFC 3629: shortest form, no surrogates, up to U+10FFFF).
std::optional<char32_t> next_code_point(std::string_view& text) noexcept;

/// Valid UTF-8 throughout, and no control character below U+0020 or U+007F; newlines are such.
bool is_printable_utf8(std::string_view text) noexcept;

/// The property White_Space of Unicode 15.
bool is_unicode_space(char32_t point) noexcept;

}  // namespace clawsigner::claw
