#pragma once

#include <cstddef>
#include <string_view>

/// Text as JavaScript sees it: in UTF-16 code units, with its own idea of white space. Every
/// argument is valid UTF-8.
namespace clawsigner::claw {

/// How many code units: JavaScript's length.
std::size_t utf16_length(std::string_view utf8) noexcept;

/// Is `left` before `right` where strings are sorted by their code units (JavaScript's sort, RFC
/// 8785 section 3.2.3)?
bool utf16_less(std::string_view left, std::string_view right) noexcept;

/// String.prototype.trim (ECMA-262 WhiteSpace and LineTerminator). A view into the argument.
std::string_view trim(std::string_view utf8) noexcept;

/// Does trim leave nothing of it?
bool is_blank(std::string_view utf8) noexcept;

}  // namespace clawsigner::claw
