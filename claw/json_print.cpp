#include "claw/json.h"
#include "claw/json_names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

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

/// The escape ECMA-262 QuoteJSONString gives to `c`, or nothing when it stands for itself.
std::optional<std::string> escape_of(char c) {
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
    if (byte >= 0x20) {
        return std::nullopt;
    }
    return std::string("\\u00") + kHex[byte >> 4U] + kHex[byte & 15U];
}

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

using Member = const boost::json::key_value_pair*;

std::vector<Member> members_of(const JsonObject& object) {
    std::vector<Member> members;
    members.reserve(object.size());
    for (const auto& member : object) {
        members.push_back(&member);
    }
    return members;
}

/// ECMA-262 OrdinaryOwnPropertyKeys: index-like names ascending, then the others as they came.
std::vector<Member> in_javascript_order(const JsonObject& object) {
    std::vector<Member> members = members_of(object);
    const auto index = [](Member member) {
        constexpr std::uint64_t kNoIndex = std::numeric_limits<std::uint64_t>::max();
        return array_index(member->key()).value_or(kNoIndex);
    };
    std::ranges::stable_sort(members, {}, index);
    return members;
}

std::vector<Member> in_utf16_order(const JsonObject& object) {
    std::vector<Member> members = members_of(object);
    std::ranges::sort(members, {}, [](Member member) { return utf16(member->key()); });
    return members;
}

using Order = std::vector<Member> (*)(const JsonObject&);

void append_value(std::string& out, const JsonValue& value, Order order);

void append_object(std::string& out, const JsonObject& object, Order order) {
    out.push_back('{');
    bool first = true;
    for (const Member member : order(object)) {
        if (!first) {
            out.push_back(',');
        }
        first = false;
        append_json_string(out, member->key());
        out.push_back(':');
        append_value(out, member->value(), order);
    }
    out.push_back('}');
}

void append_array(std::string& out, const boost::json::array& array, Order order) {
    out.push_back('[');
    bool first = true;
    for (const JsonValue& element : array) {
        if (!first) {
            out.push_back(',');
        }
        first = false;
        append_value(out, element, order);
    }
    out.push_back(']');
}

// Recursion is bounded by kMaxJsonDepth for every parsed value.
void append_value(std::string& out, const JsonValue& value, Order order) {
    switch (value.kind()) {
        case boost::json::kind::null:
            out.append("null");
            return;
        case boost::json::kind::bool_:
            out.append(value.get_bool() ? "true" : "false");
            return;
        case boost::json::kind::int64:
            append_json_number(out, static_cast<double>(value.get_int64()));
            return;
        case boost::json::kind::uint64:
            append_json_number(out, static_cast<double>(value.get_uint64()));
            return;
        case boost::json::kind::double_:
            append_json_number(out, value.get_double());
            return;
        case boost::json::kind::string:
            append_json_string(out, value.get_string());
            return;
        case boost::json::kind::array:
            append_array(out, value.get_array(), order);
            return;
        case boost::json::kind::object:
            append_object(out, value.get_object(), order);
            return;
    }
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
        if (static_cast<std::uint8_t>(text[i]) >= 0x20 && text[i] != '"' && text[i] != '\\') {
            continue;
        }
        out.append(text, copied, i - copied).append(*escape_of(text[i]));
        copied = i + 1;
    }
    out.append(text, copied).push_back('"');
}

void append_json(std::string& out, const JsonValue& value) {
    append_value(out, value, in_javascript_order);
}

void append_json(std::string& out, const JsonObject& object) {
    append_object(out, object, in_javascript_order);
}

std::string json_text(const JsonValue& value) {
    std::string out;
    append_json(out, value);
    return out;
}

std::string canonical_json_text(const JsonValue& value) {
    std::string out;
    append_value(out, value, in_utf16_order);
    return out;
}

}  // namespace clawsigner::claw
