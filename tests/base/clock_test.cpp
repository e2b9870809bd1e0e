#include "base/clock.h"

#include "support/fixed_clock.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using base::format_utc;
using base::parse_utc;

TEST_CASE("utc time: prints as toISOString does") {
    CHECK(format_utc(UnixMillis(std::chrono::milliseconds(1767225600123))) ==
          "2026-01-01T00:00:00.123Z");
    CHECK(format_utc(UnixMillis(std::chrono::milliseconds(0))) == "1970-01-01T00:00:00.000Z");
    CHECK(format_utc(UnixMillis(std::chrono::milliseconds(-1))) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("utc time: reads what it prints") {
    for (const char* text : {"2026-01-01T00:00:00.123Z", "2024-02-29T23:59:59.999Z",
                             "0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"}) {
        const auto time = parse_utc(text);
        REQUIRE(time.ok());
        CHECK(format_utc(*time) == text);
    }
}

TEST_CASE("utc time: refuses other spellings and days that do not exist") {
    for (const char* text :
         {"", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.12Z", "2026-01-01T00:00:00.123+00:00",
          "2026-01-01 00:00:00.123Z", "2026-02-29T00:00:00.000Z", "2026-13-01T00:00:00.000Z",
          "2026-00-10T00:00:00.000Z", "2026-01-01T24:00:00.000Z", "2026-01-01T00:60:00.000Z",
          "2026-01-01T00:00:60.000Z", "+026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.123Z "}) {
        INFO(text);
        CHECK_FALSE(parse_utc(text).ok());
    }
}

TEST_CASE("watched clock: judges by the latest time it has shown or was told of") {
    tests::FixedClock wall;
    const base::WatchedClock clock(wall);
    const UnixMillis began = wall.now();
    CHECK(clock.judged() == began);
    wall.advance(-std::chrono::hours(1));
    CHECK(clock.now() == began - std::chrono::hours(1));
    CHECK(clock.judged() == began);
    CHECK(clock.behind() == std::chrono::hours(1));
    clock.remember(began + std::chrono::hours(1));
    CHECK(clock.behind() == std::chrono::hours(2));
    wall.advance(std::chrono::hours(3));
    CHECK(clock.behind() == std::chrono::hours(0));
    CHECK(clock.judged() == began + std::chrono::hours(2));
}
