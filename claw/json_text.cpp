#include "claw/json_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace clawsigner::claw {
namespace {

// ECMA-262 Number::toString: from here on, and below 1e-6, a number is printed with an exponent.
constexpr int kMaxPlainDigits = 21;
constexpr int kMaxLeadingZeros = 6;
// Shortest digits of a double, sign, point and exponent fit.
constexpr std::size_t kNumberBuffer = 32;

/// The shortest decimal digits that read back as the number, and where its point stands: 0.d1d2… ×
/// 10^point.
struct Decimal {
    std::string digits;
    int point = 0;
};

Decimal shortest_decimal(double magnitude) {
    std::array<char, kNumberBuffer> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), magnitude,
                                   std::chars_format::scientific);
    const std::string_view printed(text.data(), static_cast<std::size_t>(end.ptr - text.data()));
    const std::size_t e = printed.find('e');
    Decimal decimal;
    std::ranges::copy_if(printed.substr(0, e), std::back_inserter(decimal.digits),
                         [](char c) { return c != '.'; });
    std::string_view exponent = printed.substr(e + 1);
    exponent.remove_prefix(exponent.front() == '+' ? 1 : 0);
    std::from_chars(exponent.data(), exponent.data() + exponent.size(), decimal.point);
    ++decimal.point;
    return decimal;
}

void append_with_exponent(std::string& out, const Decimal& decimal) {
    out.push_back(decimal.digits[0]);
    if (decimal.digits.size() > 1) {
        out.append(".").append(decimal.digits, 1);
    }
    const int exponent = decimal.point - 1;
    out.append(exponent < 0 ? "e" : "e+").append(std::to_string(exponent));
}

void append_plain(std::string& out, const Decimal& decimal) {
    const auto point = static_cast<std::size_t>(std::max(decimal.point, 0));
    if (decimal.point <= 0) {
        out.append("0.")
            .append(static_cast<std::size_t>(-decimal.point), '0')
            .append(decimal.digits);
    } else if (decimal.digits.size() <= point) {
        out.append(decimal.digits).append(point - decimal.digits.size(), '0');
    } else {
        out.append(decimal.digits, 0, point).append(".").append(decimal.digits, point);
    }
}

/// Does `c` stand for itself in a JSON text, as ECMA-262 QuoteJSONString prints it?
bool is_plain(char c) {
    return static_cast<std::uint8_t>(c) >= 0x20 && c != '"' && c != '\\';
}

/// The escape of a character that does not.
std::string escape_of(char c) {
    switch (c) {
        case '"':
            return "\\\"";
        case '\\':
            return "\\\\";
        case '\b':
            return "\\b";
        case '\t':
            return "\\t";
        case '\n':
            return "\\n";
        case '\f':
            return "\\f";
        case '\r':
            return "\\r";
        default:
            break;
    }
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto byte = static_cast<std::uint8_t>(c);
    return std::string("\\u00") + kHex[byte >> 4U] + kHex[byte & 15U];
}

}  // namespace

void append_json_number(std::string& out, double number) {
    if (!std::isfinite(number)) {
        out.append("null");
        return;
    }
    if (number == 0) {
        out.push_back('0');  // also for -0
        return;
    }
    if (number < 0) {
        out.push_back('-');
    }
    const Decimal decimal = shortest_decimal(std::fabs(number));
    if (decimal.point > kMaxPlainDigits || decimal.point <= -kMaxLeadingZeros) {
        append_with_exponent(out, decimal);
    } else {
        append_plain(out, decimal);
    }
}

void append_json_string(std::string& out, std::string_view text) {
    out.push_back('"');
    std::size_t copied = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!is_plain(text[i])) {
            out.append(text, copied, i - copied).append(escape_of(text[i]));
            copied = i + 1;
        }
    }
    out.append(text, copied).push_back('"');
}

std::string json_texts(std::span<const std::string> texts) {
    std::string out = "[";
    for (const std::string& text : texts) {
        append_json_string(out.append(out.size() > 1 ? "," : ""), text);
    }
    return out.append("]");
}

std::string member_path(std::string_view parent, std::string_view name) {
    std::string path(parent);
    if (!path.empty()) {
        path.push_back('.');
    }
    return path.append(name);
}

}  // namespace clawsigner::claw
