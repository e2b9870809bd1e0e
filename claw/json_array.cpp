#include "claw/json_array.h"

#include <string>

namespace clawsigner::claw {
namespace {

constexpr std::string_view kSpace = " \t\n\r";  // RFC 8259 section 2

std::string_view trim(std::string_view text) {
    const std::size_t from = text.find_first_not_of(kSpace);
    if (from == std::string_view::npos) {
        return {};
    }
    return text.substr(from, text.find_last_not_of(kSpace) - from + 1);
}

/// Takes `token` off the front of `text`, with the space around it. False when something else
/// stands there.
bool take(std::string_view& text, std::string_view token) {
    text = trim(text);
    if (!text.starts_with(token)) {
        return false;
    }
    text.remove_prefix(token.size());
    return true;
}

bool take_back(std::string_view& text, char token) {
    text = trim(text);
    if (!text.ends_with(token)) {
        return false;
    }
    text.remove_suffix(1);
    return true;
}

/// Where the string that opens at `text[at]` closes, or npos.
std::size_t end_of_string(std::string_view text, std::size_t at) {
    for (std::size_t i = at + 1; i < text.size(); ++i) {
        if (text[i] == '\\') {
            ++i;
        } else if (text[i] == '"') {
            return i;
        }
    }
    return std::string_view::npos;
}

/// Where the element that starts at `from` ends: at the next comma outside brackets and strings, or
/// at the end of the text; npos when brackets or quotes do not balance.
std::size_t end_of_element(std::string_view text, std::size_t from) {
    int depth = 0;
    for (std::size_t i = from; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"') {
            i = end_of_string(text, i);
            if (i == std::string_view::npos) {
                return i;
            }
        } else if (c == '{' || c == '[') {
            ++depth;
        } else if (c == '}' || c == ']') {
            if (--depth < 0) {
                return std::string_view::npos;
            }
        } else if (c == ',' && depth == 0) {
            return i;
        }
    }
    return depth == 0 ? text.size() : std::string_view::npos;
}

Error malformed(std::string_view member) {
    std::string message = "the body must be {\"";
    message.append(member).append("\": […]} and nothing else, as JSON");
    return {ErrorCode::malformed_json, std::move(message)};
}

}  // namespace

Result<std::vector<std::string_view>> split_array_member(std::string_view text,
                                                         std::string_view member,
                                                         std::size_t max_elements) {
    const std::string quoted = "\"" + std::string(member) + "\"";
    if (!take(text, "{") || !take(text, quoted) || !take(text, ":") || !take(text, "[") ||
        !take_back(text, '}') || !take_back(text, ']')) {
        return malformed(member);
    }
    std::vector<std::string_view> elements;
    if (trim(text).empty()) {
        return elements;
    }
    for (std::size_t from = 0;;) {
        const std::size_t end = end_of_element(text, from);
        if (end == std::string_view::npos) {
            return malformed(member);
        }
        if (elements.size() == max_elements) {
            return Error(ErrorCode::too_large, std::string(member) + " has more than " +
                                                   std::to_string(max_elements) + " elements");
        }
        elements.push_back(trim(text.substr(from, end - from)));
        if (end == text.size()) {
            return elements;
        }
        from = end + 1;
    }
}

}  // namespace clawsigner::claw
