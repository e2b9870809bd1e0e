#include "claw/json_array.h"

#include <catch2/catch.hpp>

#include <string>

using namespace clawsigner;
using claw::split_array_member;

namespace {

std::string joined(std::string_view body) {
    const auto parts = split_array_member(body, "receipts", 5);
    if (!parts.ok()) {
        return std::string(base::wire_name(parts.error().code));
    }
    std::string text;
    for (const auto part : *parts) {
        text.append(part).append("|");
    }
    return text;
}

}  // namespace

TEST_CASE("array member: is cut at its own commas only", "[claw]") {
    CHECK(joined(R"({"receipts":[]})").empty());
    CHECK(joined(" { \"receipts\" : [ ] } ").empty());
    CHECK(joined(R"({"receipts":[1]})") == "1|");
    CHECK(joined(R"({"receipts":[{"a":[1,2]}, "x,y]" ,3]})") == R"({"a":[1,2]}|"x,y]"|3|)");
    CHECK(joined(R"({"receipts":["a\"],[\\",2]})") == R"("a\"],[\\"|2|)");
}

TEST_CASE("array member: an element that is not JSON is handed on for its own parser to refuse",
          "[claw]") {
    CHECK(joined(R"({"receipts":[nonsense,,"\ud800",[}]})") == R"(nonsense||"\ud800"|[}|)");
}

TEST_CASE("array member: another shape is refused", "[claw]") {
    for (const char* body :
         {"", "{}", "[]", R"({"receipt":[]})", R"({"receipts":{}})", R"({"receipts":[1]}x)",
          R"({"receipts":[1)", R"({"receipts":[1],"a":2})", R"({"a":1,"receipts":[1]})",
          R"({"receipts":["a]})", R"({"receipts":[[1]})", R"({"receipts":[1]],"x":[2]})",
          R"({"receipts":[1],"receipts":[2]})", R"({"receipts":["\"]})"}) {
        INFO(body);
        CHECK(joined(body) == "MALFORMED_JSON");
    }
}

TEST_CASE("array member: more elements than allowed are refused before they are kept", "[claw]") {
    CHECK(joined(R"({"receipts":[1,2,3,4,5]})") == "1|2|3|4|5|");
    CHECK(joined(R"({"receipts":[1,2,3,4,5,6]})") == "TOO_LARGE");
}
