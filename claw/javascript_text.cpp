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

// The lead bytes of U+E000 and above, and of what UTF-16 writes with surrogates, which are less.
constexpr std::uint8_t kLastBlock = 0xEE;
constexpr std::uint8_t kSurrogates = 0xF0;

std::uint8_t byte(char character) {
    return static_cast<std::uint8_t>(character);
}

/// Most texts begin and end with a character that is plainly none.
bool may_be_space(char character) {
    return byte(character) <= 0x20 || byte(character) >= 0x80;
}

}  // namespace

std::size_t utf16_length(std::string_view utf8) noexcept {
    std::size_t units = 0;
    for (const char character : utf8) {
        const bool continues = (byte(character) & 0xC0U) == 0x80U;
        if (!continues) {
            units += byte(character) >= kSurrogates ? 2U : 1U;
        }
    }
    return units;
}

bool utf16_less(std::string_view left, std::string_view right) noexcept {
    const auto [mine, other] = std::ranges::mismatch(left, right);
    if (mine == left.end() || other == right.end()) {
        return mine == left.end() && other != right.end();
    }
    const std::uint8_t a = byte(*mine);
    const std::uint8_t b = byte(*other);
    // UTF-8 sorts as code points do, and so does UTF-16 but for these.
    if (a >= kLastBlock && b >= kLastBlock && (a >= kSurrogates) != (b >= kSurrogates)) {
        return a >= kSurrogates;
    }
    return a < b;
}

std::string_view trim(std::string_view utf8) noexcept {
    const auto leads = [&](std::string_view space) { return utf8.starts_with(space); };
    const auto trails = [&](std::string_view space) { return utf8.ends_with(space); };
    while (!utf8.empty() && may_be_space(utf8.front())) {
        const auto space = std::ranges::find_if(kJavaScriptSpaces, leads);
        if (space == kJavaScriptSpaces.end()) {
            break;
        }
        utf8.remove_prefix(space->size());
    }
    while (!utf8.empty() && may_be_space(utf8.back())) {
        const auto space = std::ranges::find_if(kJavaScriptSpaces, trails);
        if (space == kJavaScriptSpaces.end()) {
            break;
        }
        utf8.remove_suffix(space->size());
    }
    return utf8;
}

bool is_blank(std::string_view utf8) noexcept {
    return trim(utf8).empty();
}

}  // namespace clawsigner::claw
