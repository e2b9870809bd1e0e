#include "claw/json.h"

#include "claw/json_names.h"
#include "crypto/digest.h"
#include "support/vectors.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

using namespace clawsigner;
using claw::JsonRules;
using claw::parse_json;
using tests::text_of;

namespace {

std::string reprinted(std::string_view text) {
    const auto value = parse_json(text, JsonRules::javascript);
    return value.ok() ? claw::json_text(*value) : std::string(base::wire_name(value.error().code));
}

std::string printed(double number) {
    std::string out;
    claw::append_json_number(out, number);
    return out;
}

std::string refusal(std::string_view text) {
    const auto value = parse_json(text, JsonRules::door);
    return value.ok() ? "accepted" : value.error().message;
}

const boost::json::object& form(const claw::JsonValue& row, const char* name) {
    return row.get_object().at(name).get_object();
}

/// How many significant digits the shortest decimal that reads back as `number` has: an oracle that
/// knows no more than printf and strtod.
int shortest_digits(double number) {
    for (int digits = 1; digits < 17; ++digits) {
        char text[40];
        std::snprintf(text, sizeof text, "%.*e", digits - 1, number);
        if (std::strtod(text, nullptr) == number) {
            return digits;
        }
    }
    return 17;
}

/// The significant digits of a printed number, without sign, point, exponent and the zeros that
/// only hold places.
std::string significant(std::string text) {
    text = text.substr(0, text.find('e'));
    std::string digits;
    for (const char c : text) {
        if (c >= '0' && c <= '9' && !(digits.empty() && c == '0')) {
            digits.push_back(c);
        }
    }
    while (!digits.empty() && digits.back() == '0') {
        digits.pop_back();
    }
    return digits;
}

}  // namespace

TEST_CASE("json: prints the ecosystem's vectors as JSON.stringify and as RFC 8785 do", "[claw]") {
    int rows = 0;
    for (const auto& row : tests::vector_rows("jcs_vectors.ndjson")) {
        const std::string text = text_of(row, "json");
        INFO(text);
        const auto value = parse_json(text, JsonRules::javascript);
        if (!value.ok()) {
            // Refused wherever it comes in: doubled members, halves of surrogate pairs, numbers
            // beyond a double.
            const bool surrogate = text.find("\\ud") != std::string::npos;
            CHECK((surrogate || text == "1e400" || text == R"({"a":1,"b":2,"a":3})"));
            continue;
        }
        ++rows;
        const auto& javascript = form(row, "json_stringify");
        const auto& canonical = form(row, "upstream_jcs");
        CHECK(claw::json_text(*value) == javascript.at("text").get_string());
        CHECK(crypto::sha256_b64u(claw::json_text(*value)) ==
              javascript.at("sha256_b64u").get_string());
        CHECK(claw::canonical_json_text(*value) == canonical.at("text").get_string());
    }
    CHECK(rows == 31);
}

TEST_CASE("json: prints our own vectors as a JavaScript engine did", "[claw]") {
    for (const auto& row : tests::vector_rows("json_own.ndjson")) {
        const std::string text = text_of(row, "json");
        INFO(text);
        const auto value = parse_json(text, JsonRules::javascript);
        REQUIRE(value.ok());
        CHECK(claw::json_text(*value) == text_of(row, "json_stringify"));
        CHECK(claw::canonical_json_text(*value) == text_of(row, "canonical"));
    }
}

TEST_CASE("json number: reads back as itself and has no digit too many", "[claw]") {
    std::mt19937_64 random(20260101);  // NOLINT(cert-msc51-cpp): repeatable on purpose
    for (int i = 0; i < 20000; ++i) {
        const std::uint64_t bits = random();
        double number = 0;
        std::memcpy(&number, &bits, sizeof number);
        if (!std::isfinite(number)) {
            continue;
        }
        const std::string text = printed(number);
        INFO(text);
        REQUIRE(std::strtod(text.c_str(), nullptr) == number);
        REQUIRE(static_cast<int>(significant(text).size()) <= shortest_digits(number));
        REQUIRE(reprinted(text) == text);
    }
}

TEST_CASE("json number: has the two-decimal forms timings come in", "[claw]") {
    for (int cents = -100000; cents <= 100000; cents += 7) {
        char text[32];
        std::snprintf(text, sizeof text, "%d.%02d", std::abs(cents) / 100, std::abs(cents) % 100);
        std::string expected = text;
        expected.erase(expected.find_last_not_of('0') + 1);
        if (expected.back() == '.') {
            expected.pop_back();
        }
        const bool negative = cents < 0;
        INFO(text);
        REQUIRE(reprinted((negative ? "-" : "") + std::string(text)) ==
                (negative && cents != 0 ? "-" : "") + expected);
    }
}

TEST_CASE("json number: takes the exponent where JavaScript does", "[claw]") {
    CHECK(printed(1e20) == "100000000000000000000");
    CHECK(printed(999999999999999900000.0) == "999999999999999900000");
    CHECK(printed(1e21) == "1e+21");
    CHECK(printed(0.000001) == "0.000001");
    CHECK(printed(9.999999e-7) == "9.999999e-7");
    CHECK(printed(-0.0) == "0");
    CHECK(printed(HUGE_VAL) == "null");
}

TEST_CASE("json string: every control character is escaped and nothing else", "[claw]") {
    for (int c = 0; c < 0x80; ++c) {
        std::string out;
        claw::append_json_string(out, std::string(1, static_cast<char>(c)));
        const bool escaped = c < 0x20 || c == '"' || c == '\\';
        CHECK((out.size() > 3) == escaped);
        CHECK(reprinted(out) == out);
    }
}

TEST_CASE("json order: index-like names come first in JavaScript, sorted by code unit in RFC 8785",
          "[claw]") {
    CHECK(reprinted(R"({"b":1,"10":2,"9":3,"a":4,"01":5})") ==
          R"({"9":3,"10":2,"b":1,"a":4,"01":5})");
    const auto value =
        parse_json("{\"\\uE000\":1,\"\\uD800\\uDC00\":2,\"z\":3}", JsonRules::javascript).value();
    CHECK(claw::canonical_json_text(value) == "{\"z\":3,\"\U00010000\":2,\"\uE000\":1}");
}

TEST_CASE("json names: an array index is a canonical decimal below 2^32 - 1", "[claw]") {
    CHECK(claw::array_index("0") == 0U);
    CHECK(claw::array_index("4294967294") == 4294967294U);
    for (const char* name : {"", "00", "01", "-1", "+1", "1.0", "4294967295", "4294967296",
                             "99999999999", "1x", " 1"}) {
        INFO(name);
        CHECK_FALSE(claw::array_index(name).has_value());
    }
}

TEST_CASE("json door: refuses what would not survive JavaScript, and names the member", "[claw]") {
    CHECK(refusal(R"({"a":{"b":1,"b":2}})") == "a.b stands twice");
    CHECK(refusal(R"({"a":[0,{"7":1}]})") ==
          "a[1].7 has a name that looks like an array index, which JavaScript would reorder");
    CHECK_THAT(refusal(R"({"n":9007199254740993})"),
               Catch::StartsWith("n is an integer that a double does not hold"));
    CHECK_THAT(refusal(R"([1,-9007199254740993])"), Catch::StartsWith("[1] is an integer"));
    CHECK_THAT(refusal(R"({"n":1e400})"), Catch::StartsWith("n is a number too large"));
    CHECK_THAT(refusal(R"({"s":{"t":"\ud800"}})"),
               Catch::StartsWith("s.t holds half of a surrogate pair"));
    CHECK_THAT(refusal(R"({"s":"\udc00\ud800"})"),
               Catch::StartsWith("s holds half of a surrogate pair"));
    CHECK_THAT(refusal("\"\xed\xa0\x80\""), Catch::Contains("is not JSON"));
    CHECK_THAT(refusal("\"\xff\""), Catch::Contains("is not JSON"));
    CHECK_THAT(refusal("{} x"), Catch::StartsWith("the body has trailing bytes"));
    CHECK_THAT(refusal("{\"a\":1"), Catch::Contains("ends before the JSON value does"));
    CHECK_THAT(refusal(""), Catch::Contains("ends before the JSON value does"));
    CHECK_THAT(refusal(R"({"a":{"b":1} x})"), Catch::StartsWith("the body is not JSON"));
}

TEST_CASE("json door: integers a double holds exactly are accepted and re-printed", "[claw]") {
    for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
             {"9007199254740992", "9007199254740992"},
             {"9007199254740994", "9007199254740994"},
             {"1000000000000000000000", "1e+21"},
             {"295147905179352825856", "295147905179352830000"},
             {"1e21", "1e+21"},
             {"9007199254740993.0", "9007199254740992"},
             {"-0", "0"},
             {"1e-400", "0"}}) {
        INFO(text);
        const auto value = parse_json(text, JsonRules::door);
        REQUIRE(value.ok());
        CHECK(claw::json_text(*value) == expected);
    }
    CHECK(refusal("999999999999999990000") != "accepted");
    CHECK(refusal(std::string(400, '9')) != "accepted");
}

TEST_CASE("json door: nests 32 deep and no deeper", "[claw]") {
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };
    CHECK(refusal(nested(32)) == "accepted");
    CHECK_THAT(refusal(nested(33)), Catch::Contains("nested more than 32 deep"));
    CHECK_THAT(refusal(std::string(60000, '[')), Catch::Contains("nested more than 32 deep"));
}

TEST_CASE("json: comments, trailing commas, NaN and other dialects are not JSON", "[claw]") {
    for (const char* text :
         {"[1,]", "{\"a\":1,}", "// x\n1", "NaN", "Infinity", "'a'", "{a:1}", "01", "1.", ".5",
          "+1", "0x10", "[1 2]", "\"\t\"", "tru", "nul", "[\"\\x41\"]"}) {
        INFO(text);
        CHECK_FALSE(parse_json(text, JsonRules::javascript).ok());
    }
}
