#include "claw/javascript_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace clawsigner::claw {
namespace {

// ECMA-262 WhiteSpace and LineTerminator, as UTF-8: what String.prototype.trim removes.
constexpr std::array<std::string_view, 25> kJavaScriptSpaces{
    " ",      "\t",     "\n",     "\v",     "\f",     "\r",     "\u00A0", "\u1680", "\u2000",
    "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009",
    "\u200A", "\u2028", "\u2029", "\u202F", "\u205F", "\u3000", "\uFEFF"};

}  // namespace

std::u16string utf16(std::string_view utf8) {
    std::u16string units;
    for (std::size_t i = 0; i < utf8.size();) {
        const auto lead = static_cast<std::uint8_t>(utf8[i]);
        const int length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        std::uint32_t point = length == 1 ? lead : lead & (0xFFU >> (length + 1));
        for (int k = 1; k < length; ++k) {
            point = (point << 6U) |
                    (static_cast<std::uint8_t>(utf8[i + static_cast<std::size_t>(k)]) & 63U);
        }
        i += static_cast<std::size_t>(length);
        if (point < 0x10000) {
            units.push_back(static_cast<char16_t>(point));
        } else {
            units.push_back(static_cast<char16_t>(0xD7C0U + (point >> 10U)));
            units.push_back(static_cast<char16_t>(0xDC00U + (point & 0x3FFU)));
        }
    }
    return units;
}

std::string_view trim(std::string_view utf8) noexcept {
    const auto leads = [&](std::string_view space) { return utf8.starts_with(space); };
    const auto trails = [&](std::string_view space) { return utf8.ends_with(space); };
    for (auto space = std::ranges::find_if(kJavaScriptSpaces, leads);
         space != kJavaScriptSpaces.end(); space = std::ranges::find_if(kJavaScriptSpaces, leads)) {
        utf8.remove_prefix(space->size());
    }
    for (auto space = std::ranges::find_if(kJavaScriptSpaces, trails);
         space != kJavaScriptSpaces.end();
         space = std::ranges::find_if(kJavaScriptSpaces, trails)) {
        utf8.remove_suffix(space->size());
    }
    return utf8;
}

bool is_blank(std::string_view utf8) noexcept {
    return trim(utf8).empty();
}

}  // namespace clawsigner::claw
