#include "base/clock.h"

#include <charconv>
#include <optional>

namespace clawsigner::base {
namespace {

constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd.dddZ";

bool has_shape(std::string_view text) {
    if (text.size() != kShape.size()) {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool digit = text[i] >= '0' && text[i] <= '9';
        if (kShape[i] == 'd' ? !digit : text[i] != kShape[i]) {
            return false;
        }
    }
    return true;
}

/// The number in text[from, from+length), which has_shape has shown to be digits.
int number_at(std::string_view text, std::size_t from, std::size_t length) {
    int value = 0;
    std::from_chars(text.data() + from, text.data() + from + length, value);
    return value;
}

/// Writes it over text[from, from+length), with zeros in front.
void put_number(std::string& text, std::size_t from, std::size_t length, int value) {
    for (std::size_t at = from + length; at-- > from; value /= 10) {
        text[at] = static_cast<char>('0' + value % 10);
    }
}

}  // namespace

UnixMillis SystemClock::now() const {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now());
}

UnixMillis WatchedClock::now() const {
    const UnixMillis shown = wall_.now();
    remember(shown);
    return shown;
}

UnixMillis WatchedClock::judged() const {
    (void)now();
    return UnixMillis(std::chrono::milliseconds(latest_.load()));
}

void WatchedClock::remember(UnixMillis moment) const noexcept {
    const std::int64_t shown = moment.time_since_epoch().count();
    std::int64_t latest = latest_.load();
    while (latest < shown && !latest_.compare_exchange_weak(latest, shown)) {
    }
}

std::string format_utc(UnixMillis time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    std::string text(kShape);
    put_number(text, 0, 4, static_cast<int>(date.year()));
    put_number(text, 5, 2, static_cast<int>(static_cast<unsigned>(date.month())));
    put_number(text, 8, 2, static_cast<int>(static_cast<unsigned>(date.day())));
    put_number(text, 11, 2, static_cast<int>(clock.hours().count()));
    put_number(text, 14, 2, static_cast<int>(clock.minutes().count()));
    put_number(text, 17, 2, static_cast<int>(clock.seconds().count()));
    put_number(text, 20, 3, static_cast<int>(clock.subseconds().count()));
    return text;
}

Result<UnixMillis> parse_utc(std::string_view text) {
    const Error refused(ErrorCode::invalid_field, "must be a UTC time as 2026-01-31T12:34:56.789Z");
    if (!has_shape(text)) {
        return refused;
    }
    const std::chrono::year_month_day date{
        std::chrono::year(number_at(text, 0, 4)),
        std::chrono::month(static_cast<unsigned>(number_at(text, 5, 2))),
        std::chrono::day(static_cast<unsigned>(number_at(text, 8, 2)))};
    const int hour = number_at(text, 11, 2);
    const int minute = number_at(text, 14, 2);
    const int second = number_at(text, 17, 2);
    if (!date.ok() || hour > 23 || minute > 59 || second > 59) {
        return refused;
    }
    return UnixMillis(std::chrono::sys_days(date) + std::chrono::hours(hour) +
                      std::chrono::minutes(minute) + std::chrono::seconds(second) +
                      std::chrono::milliseconds(number_at(text, 20, 3)));
}

}  // namespace clawsigner::base
