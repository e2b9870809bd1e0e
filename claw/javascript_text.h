#pragma once

#include <string>
#include <string_view>

/// Text as JavaScript sees it: in UTF-16 code units, with its own idea of white space. Every
/// argument is valid UTF-8.
namespace clawsigner::claw {

/// The code units: how JavaScript counts and sorts strings.
std::u16string utf16(std::string_view utf8);

/// String.prototype.trim (ECMA-262 WhiteSpace and LineTerminator). A view into the argument.
std::string_view trim(std::string_view utf8) noexcept;

/// Does trim leave nothing of it?
bool is_blank(std::string_view utf8) noexcept;

}  // namespace clawsigner::claw
