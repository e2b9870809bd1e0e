#include "claw/json_reader.h"

#include "claw/json_writer.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <string_view>

using namespace clawsigner;
using namespace std::chrono_literals;
using claw::JsonReader;

namespace {

claw::JsonValue parsed(std::string_view text) {
    return claw::parse_json(text, claw::JsonRules::door).value();
}

/// What the reader says of "at" in this text.
std::string fault_of_time(std::string_view text, bool required) {
    const claw::JsonValue value = parsed(text);
    JsonReader in(value, "act");
    if (required) {
        (void)in.time("at");
    } else {
        (void)in.optional_time("at");
    }
    const Status read = in.finish();
    return read.ok() ? "good" : read.error().message;
}

}  // namespace

TEST_CASE("json times: what is written is read again", "[claw]") {
    const UnixMillis moment(1'767'225'600'123ms);
    const std::string text =
        claw::JsonWriter().time("at", moment).optional_time("until", std::nullopt).done();
    CHECK(text == R"({"at":"2026-01-01T00:00:00.123Z"})");

    const claw::JsonValue value = parsed(text);
    JsonReader in(value, "");
    CHECK(in.time("at") == moment);
    CHECK(in.optional_time("at") == moment);
    CHECK(in.optional_time("until") == std::nullopt);
    CHECK(in.finish().ok());
}

TEST_CASE("json times: what is no time is told by its place and by what a time looks like",
          "[claw]") {
    const std::string shape = "act.at must be a UTC time as 2026-01-31T12:34:56.789Z";
    for (const bool required : {true, false}) {
        CHECK(fault_of_time(R"({"at":"2026-02-30T00:00:00.000Z"})", required) == shape);
        CHECK(fault_of_time(R"({"at":"tomorrow"})", required) == shape);
        CHECK(fault_of_time(R"({"at":" "})", required) == "act.at must not be blank");
        CHECK(fault_of_time(R"({"at":12})", required) == "act.at must be a string");
    }
    CHECK(fault_of_time("{}", true) == "act.at is missing");
    CHECK(fault_of_time("{}", false) == "good");
}

TEST_CASE("json reader: the first fault stays, and a member nobody asked for is one", "[claw]") {
    const claw::JsonValue value = parsed(R"({"a":"","b":1,"c":true})");
    JsonReader in(value, "");
    (void)in.text("a", 8);
    (void)in.time("b");
    CHECK(in.finish().error().field == "a");

    JsonReader other(value, "");
    CHECK(other.boolean("c"));
    CHECK(other.integer("b", 0, 9) == 1);
    CHECK(other.finish_open().ok());
    CHECK(other.finish().error().field == "a");
}
