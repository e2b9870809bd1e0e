#include "claw/unicode.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace clawsigner::claw {
namespace {

constexpr std::array<char32_t, 25> kSpaces{0x09,   0x0A,   0x0B,   0x0C,   0x0D,   0x20,   0x85,
                                           0xA0,   0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004,
                                           0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200A, 0x2028,
                                           0x2029, 0x202F, 0x205F, 0x3000};

/// How many bytes a code point has that begins so, or 0.
std::size_t length_of(std::uint8_t lead) {
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xC2) {
        return 0;
    }
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
}

bool is_scalar_of(char32_t point, std::size_t length) {
    constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
    return point >= kSmallest[length] && point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
}

}  // namespace

std::optional<char32_t> next_code_point(std::string_view& text) noexcept {
    if (text.empty()) {
        return std::nullopt;
    }
    const auto lead = static_cast<std::uint8_t>(text.front());
    const std::size_t length = length_of(lead);
    if (length == 0 || length > text.size()) {
        return std::nullopt;
    }
    char32_t point = length == 1 ? lead : lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        const auto byte = static_cast<std::uint8_t>(text[i]);
        if ((byte & 0xC0U) != 0x80U) {
            return std::nullopt;
        }
        point = (point << 6U) | (byte & 0x3FU);
    }
    if (!is_scalar_of(point, length)) {
        return std::nullopt;
    }
    text.remove_prefix(length);
    return point;
}

bool is_printable_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const auto point = next_code_point(text);
        if (!point || *point < 0x20 || *point == 0x7F) {
            return false;
        }
    }
    return true;
}

bool is_unicode_space(char32_t point) noexcept {
    return std::ranges::binary_search(kSpaces, point);
}

}  // namespace clawsigner::claw
