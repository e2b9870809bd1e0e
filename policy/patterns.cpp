#include "policy/patterns.h"

#include <algorithm>
#include <cstddef>

namespace clawsigner::policy {
namespace {

constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxHost = 253;
constexpr std::string_view kBelow = "*.";

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= kMaxLabel && is_letter_or_digit(label.front()) &&
           is_letter_or_digit(label.back()) &&
           std::ranges::all_of(label, [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same(char a, char b) {
    return lower(a) == lower(b);
}

bool same_text(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, same);
}

/// Is `host` a name below `domain`?
bool is_below(std::string_view domain, std::string_view host) {
    return host.size() > domain.size() + 1 && host[host.size() - domain.size() - 1] == '.' &&
           same_text(host.substr(host.size() - domain.size()), domain);
}

}  // namespace

bool is_host(std::string_view text) noexcept {
    if (text.size() > kMaxHost) {
        return false;
    }
    for (;;) {
        const std::size_t dot = text.find('.');
        if (!is_label(text.substr(0, dot))) {
            return false;
        }
        if (dot == std::string_view::npos) {
            return true;
        }
        text.remove_prefix(dot + 1);
    }
}

bool is_host_pattern(std::string_view text) noexcept {
    return is_host(text.starts_with(kBelow) ? text.substr(kBelow.size()) : text);
}

bool host_matches(std::string_view pattern, std::string_view host) noexcept {
    if (!is_host_pattern(pattern) || !is_host(host)) {
        return false;
    }
    return pattern.starts_with(kBelow) ? is_below(pattern.substr(kBelow.size()), host)
                                       : same_text(pattern, host);
}

bool host_covers(std::string_view wider, std::string_view narrower) noexcept {
    if (!narrower.starts_with(kBelow)) {
        return host_matches(wider, narrower);
    }
    if (!is_host_pattern(wider) || !is_host_pattern(narrower) || !wider.starts_with(kBelow)) {
        return false;
    }
    const std::string_view domain = narrower.substr(kBelow.size());
    return same_text(wider, narrower) || is_below(wider.substr(kBelow.size()), domain);
}

bool model_matches(std::string_view pattern, std::string_view model) noexcept {
    std::size_t at = 0;                         // in the pattern
    std::size_t begin = 0;                      // in the model
    std::size_t star = std::string_view::npos;  // the last one passed
    std::size_t taken = 0;                      // by it: up to here in the model
    while (begin < model.size()) {
        if (at < pattern.size() && pattern[at] == '*') {
            star = at++;
            taken = begin;
        } else if (at < pattern.size() && same(pattern[at], model[begin])) {
            ++at;
            ++begin;
        } else if (star != std::string_view::npos) {
            at = star + 1;
            begin = ++taken;
        } else {
            return false;
        }
    }
    return std::ranges::all_of(pattern.substr(at), [](char c) { return c == '*'; });
}

}  // namespace clawsigner::policy
