#include "claw/javascript_text.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace clawsigner;

TEST_CASE("javascript text: counts surrogate pairs as two", "[claw]") {
    CHECK(claw::utf16_length("") == 0);
    CHECK(claw::utf16_length("az") == 2);
    CHECK(claw::utf16_length("\u00fc\u20ac") == 2);
    CHECK(claw::utf16_length("\U0001F600x") == 3);
}

TEST_CASE("javascript text: sorts by code units, where U+E000 and above come last", "[claw]") {
    // RFC 8785 section 3.2.3, with more of both sides of the surrogates.
    const std::vector<std::string> sorted{
        "",       "\r",         "1",          "a",          "aa",     "\u0080", "\u00f6", "\u20ac",
        "\ud7ff", "\U00010000", "\U0001F600", "\U0010ffff", "\ue000", "\ufb33", "\uffff"};
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        for (std::size_t j = 0; j < sorted.size(); ++j) {
            INFO(i << " and " << j);
            CHECK(claw::utf16_less(sorted[i], sorted[j]) == (i < j));
            CHECK(claw::utf16_less("x" + sorted[i], "x" + sorted[j]) == (i < j));
        }
    }
}

TEST_CASE("javascript text: trims what String.prototype.trim does, of any width", "[claw]") {
    CHECK(claw::trim("\ufeff\t a b\u00a0\u3000\n") == "a b");
    CHECK(claw::trim("\u200ba\u200b") == "\u200ba\u200b");  // no white space to JavaScript
    CHECK(claw::trim("\u00fcb\u00fc") == "\u00fcb\u00fc");
    CHECK(claw::trim("\u2029\u2028").empty());
    CHECK(claw::is_blank(" \u1680 "));
    CHECK_FALSE(claw::is_blank(" . "));
}
