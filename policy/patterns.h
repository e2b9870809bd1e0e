#pragma once

#include <string_view>

/// What is compared when a tool, a model or a host is asked for. All of it is linear in the pattern
/// times the text, and none of it is a regular expression.
namespace clawsigner::policy {

/// A host name: one or more labels of letters, digits and inner hyphens (RFC 1123 section 2.1), at
/// most 253 characters. No port, no scheme, no final dot.
bool is_host(std::string_view text) noexcept;

/// A host, or "*." and a host: any name below it, however deep, and not
/// itself. '*' is nothing else anywhere.
bool is_host_pattern(std::string_view text) noexcept;

/// Is `host` (is_host) one that `pattern` names? Letter case does not matter. A pattern that is not
/// is_host_pattern names nothing.
bool host_matches(std::string_view pattern, std::string_view host) noexcept;

/// Does `wider` name everything that `narrower` names? Both host patterns; false for what is none.
bool host_covers(std::string_view wider, std::string_view narrower) noexcept;

/// The ecosystem's model patterns: '*' is any run of characters, everything else is itself, letter
/// case (of ASCII) does not matter, and the whole name must match. Unlike clawproxy, '?' is a
/// question mark.
bool model_matches(std::string_view pattern, std::string_view model) noexcept;

}  // namespace clawsigner::policy
