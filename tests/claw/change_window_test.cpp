#include "claw/change_window.h"

#include "base/clock.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using claw::ChangeWindow;

namespace {

/// "2026-01-05T09:00:00" (a Monday) and so on, as Unix seconds.
std::int64_t at(std::string_view time) {
    const auto parsed = base::parse_utc(std::string(time) + ".000Z");
    return std::chrono::floor<std::chrono::seconds>(parsed.value().time_since_epoch()).count();
}

bool is_open(std::string_view window, std::string_view time) {
    return ChangeWindow::parse(window).value().contains(at(time));
}

std::string end(std::string_view window, std::string_view time) {
    const auto ends = ChangeWindow::parse(window).value().end_of_open(at(time));
    return ends ? base::format_utc(UnixMillis(std::chrono::seconds(*ends))).substr(0, 19) : "never";
}

}  // namespace

TEST_CASE("change window: it begins with its first second and ends before its last", "[claw]") {
    CHECK_FALSE(is_open("09:00-17:00", "2026-01-05T08:59:59"));
    CHECK(is_open("09:00-17:00", "2026-01-05T09:00:00"));
    CHECK(is_open("09:00-17:00", "2026-01-05T16:59:59"));
    CHECK_FALSE(is_open("09:00-17:00", "2026-01-05T17:00:00"));
    CHECK(end("09:00-17:00", "2026-01-05T09:00:00") == "2026-01-05T17:00:00");
    CHECK(end("09:00-17:00", "2026-01-05T17:00:00") == "never");
    CHECK(is_open("00:00-24:00", "2026-01-05T23:59:59"));
}

TEST_CASE("change window: over midnight it belongs to the day it begins on", "[claw]") {
    CHECK(is_open("22:00-06:00", "2026-01-05T23:00:00"));
    CHECK(is_open("22:00-06:00", "2026-01-05T05:59:59"));
    CHECK_FALSE(is_open("22:00-06:00", "2026-01-05T06:00:00"));
    CHECK(end("22:00-06:00", "2026-01-05T23:00:00") == "2026-01-06T06:00:00");
    CHECK(end("22:00-06:00", "2026-01-05T01:00:00") == "2026-01-05T06:00:00");
    // Saturday the 3rd, into Sunday; and Sunday, into the next week.
    CHECK(is_open("Fri 22:00-06:00", "2026-01-03T05:00:00"));
    CHECK_FALSE(is_open("Fri 22:00-06:00", "2026-01-02T05:00:00"));
    CHECK(is_open("Sun 22:00-06:00", "2026-01-05T05:00:00"));
    CHECK(end("Sun 22:00-06:00", "2026-01-05T05:00:00") == "2026-01-05T06:00:00");
    CHECK(end("Sun 22:00-06:00", "2026-01-04T22:00:00") == "2026-01-05T06:00:00");
}

TEST_CASE("change window: several, and days of the week", "[claw]") {
    const std::string_view two = "09:00-12:00,13:00-17:00";
    CHECK(is_open(two, "2026-01-05T11:59:59"));
    CHECK_FALSE(is_open(two, "2026-01-05T12:30:00"));
    CHECK(is_open("09:00-12:00, 13:00-17:00", "2026-01-05T13:00:00"));
    const std::string_view days = "Mon-Wed,Sat 09:00-17:00";
    CHECK(is_open(days, "2026-01-05T10:00:00"));
    CHECK(is_open(days, "2026-01-07T10:00:00"));
    CHECK_FALSE(is_open(days, "2026-01-08T10:00:00"));
    CHECK(is_open(days, "2026-01-10T10:00:00"));
    CHECK_FALSE(is_open(days, "2026-01-11T10:00:00"));
    CHECK(is_open("Sat-Mon 09:00-17:00", "2026-01-11T10:00:00"));
    CHECK_FALSE(is_open("Sat-Mon 09:00-17:00", "2026-01-13T10:00:00"));
}

TEST_CASE("change window: windows that touch or overlap are one", "[claw]") {
    CHECK(end("09:00-12:00,12:00-17:00", "2026-01-05T10:00:00") == "2026-01-05T17:00:00");
    CHECK(end("09:00-13:00,12:00-17:00", "2026-01-05T10:00:00") == "2026-01-05T17:00:00");
    CHECK(end("Mon 00:00-24:00,Tue 00:00-02:00", "2026-01-05T10:00:00") == "2026-01-06T02:00:00");
    CHECK(end("Sat-Sun 00:00-24:00", "2026-01-03T00:00:00") == "2026-01-05T00:00:00");
    const auto always = ChangeWindow::parse("00:00-24:00").value();
    CHECK_FALSE(always.end_of_open(0).has_value());
    CHECK(always.contains(0));
}

TEST_CASE("change window: every minute of two weeks is as the definition says", "[claw]") {
    const auto window = ChangeWindow::parse("Mon-Fri 09:15-17:30,Sun 23:00-01:00").value();
    const std::int64_t monday = at("2026-01-05T00:00:00");
    for (std::int64_t minute = -7 * 1440; minute < 7 * 1440; ++minute) {
        const std::int64_t of_week = (minute + 7 * 1440) % (7 * 1440);
        const std::int64_t day = of_week / 1440;
        const std::int64_t of_day = of_week % 1440;
        const bool expected = (day < 5 && of_day >= 555 && of_day < 1050) ||
                              (day == 6 && of_day >= 1380) || (day == 0 && of_day < 60);
        REQUIRE(window.contains(monday + minute * 60) == expected);
        REQUIRE(window.contains(monday + minute * 60 + 59) == expected);
        const auto end = window.end_of_open(monday + minute * 60);
        REQUIRE(end.has_value() == expected);
        if (end) {
            REQUIRE(*end > monday + minute * 60);
            REQUIRE(window.contains(*end - 1));
            REQUIRE_FALSE(window.contains(*end));
        }
    }
}

TEST_CASE("change window: what it cannot mean is refused", "[claw]") {
    for (const std::string_view bad : {"",
                                       "25:00-99:00",
                                       "24:00-25:00",
                                       "09:60-10:00",
                                       "9:00-17:00",
                                       "09:00",
                                       "09:00-",
                                       "-17:00",
                                       "09:00-09:00",
                                       "09:00-17:00Z",
                                       "09:00 -17:00",
                                       "09:00\u201317:00",
                                       " 09:00-17:00",
                                       "09:00-17:00 ",
                                       "Mon",
                                       "mon 09:00-17:00",
                                       "Mon 09:00-17:00,Tue",
                                       "Montag 09:00-17:00",
                                       "Mon- 09:00-17:00",
                                       "Mon  09:00-17:00",
                                       "Mon-Fri 09:00-12:00,13:00-17:00",
                                       "13:00-17:00,Mon 09:00-12:00",
                                       "09:00-12:00,,13:00-17:00",
                                       "09:00-12:00,",
                                       "24:00-06:00",
                                       "-1:00-02:00",
                                       "09:00-17:00-18:00",
                                       "Mon Tue 09:00-17:00"}) {
        INFO(bad);
        CHECK_FALSE(ChangeWindow::parse(bad).ok());
    }
    std::string many = "00:00-00:01";
    for (int i = 1; i < 32; ++i) {
        many.append(",00:00-00:01");
    }
    CHECK(ChangeWindow::parse(many).ok());
    CHECK_FALSE(ChangeWindow::parse(many + ",00:00-00:01").ok());
}

TEST_CASE("change window: no time at all is beyond it", "[claw]") {
    const auto always = ChangeWindow::parse("00:00-24:00").value();
    CHECK_FALSE(always.contains(INT64_MAX));
    CHECK_FALSE(always.contains(INT64_MIN));
    CHECK(always.contains(-1));
    CHECK(ChangeWindow::parse("Wed 23:59-24:00").value().contains(-1));
}
