#include "claw/change_window.h"

#include "claw/javascript_text.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <span>

namespace clawsigner::claw {
namespace {

constexpr std::int32_t kDay = 1'440;  // minutes
constexpr std::int32_t kWeek = 7 * kDay;
constexpr std::int64_t kWeekSeconds = std::int64_t{kWeek} * 60;
constexpr std::int64_t kThursday = 3 * std::int64_t{kDay} * 60;  // 1970-01-01 was one
constexpr std::int64_t kFarthest = std::int64_t{1} << 53U;       // beyond it nothing is open
constexpr std::array<std::string_view, 7> kDays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

using Days = std::bitset<7>;
using Week = std::bitset<kWeek>;  // one bit a minute

Error refused(std::string_view why) {
    return {ErrorCode::invalid_field, std::string(why)};
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// "HH:MM" as minutes of the day; as an end also "24:00".
Result<std::int32_t> minute_of(std::string_view text, bool is_end) {
    const bool formed = text.size() == 5 && is_digit(text[0]) && is_digit(text[1]) &&
                        text[2] == ':' && is_digit(text[3]) && is_digit(text[4]);
    if (!formed) {
        return refused("must have times of the form HH:MM");
    }
    const int hour = (text[0] - '0') * 10 + (text[1] - '0');
    const int minute = (text[3] - '0') * 10 + (text[4] - '0');
    if (minute > 59 || hour > 24 || (hour == 24 && (minute > 0 || !is_end))) {
        return refused("has a time that does not exist");
    }
    return hour * 60 + minute;
}

Result<std::size_t> day_of(std::string_view text) {
    const auto* found = std::ranges::find(kDays, text);
    if (found == kDays.end()) {
        return refused("has a day that is none of Mon Tue Wed Thu Fri Sat Sun");
    }
    return static_cast<std::size_t>(found - kDays.begin());
}

/// "Mon" or "Mon-Fri".
Result<Days> days_of(std::string_view text) {
    const std::size_t dash = text.find('-');
    TRY(const std::size_t first, day_of(text.substr(0, dash)));
    Days days;
    if (dash == std::string_view::npos) {
        return days.set(first);
    }
    TRY(const std::size_t last, day_of(text.substr(dash + 1)));
    for (std::size_t day = first;; day = (day + 1) % kDays.size()) {
        days.set(day);
        if (day == last) {
            return days;
        }
    }
}

/// Opens "HH:MM-HH:MM" on each of the days.
Status open(Week& week, const Days& days, std::string_view hours) {
    const std::size_t dash = hours.find('-');
    if (dash == std::string_view::npos) {
        return refused("must have windows of the form HH:MM-HH:MM");
    }
    TRY(const std::int32_t begin, minute_of(hours.substr(0, dash), false));
    TRY(std::int32_t end, minute_of(hours.substr(dash + 1), true));
    if (begin == end) {
        return refused("has a window that begins when it ends");
    }
    end += end < begin ? kDay : 0;
    for (std::int32_t day = 0; day < 7; ++day) {
        for (std::int32_t minute = begin; days.test(static_cast<std::size_t>(day)) && minute < end;
             ++minute) {
            week.set(static_cast<std::size_t>((day * kDay + minute) % kWeek));
        }
    }
    return Status::done();
}

std::vector<std::string_view> items_of(std::string_view text) {
    std::vector<std::string_view> items;
    for (;;) {
        const std::size_t comma = text.find(',');
        const std::string_view item = text.substr(0, comma);
        const bool spaced = !items.empty() && item.starts_with(' ');
        items.push_back(spaced ? item.substr(1) : item);
        if (comma == std::string_view::npos) {
            return items;
        }
        text.remove_prefix(comma + 1);
    }
}

/// Reads the items one after the other: days gather until hours come that they are for.
class Reader {
public:
    Status read(std::string_view item) {
        if (item.find(':') == std::string_view::npos) {
            return add_days(item);
        }
        const std::size_t space = item.find(' ');
        if (space != std::string_view::npos) {
            CHECK_OK(add_days(item.substr(0, space)));
            item.remove_prefix(space + 1);
        }
        return add_hours(item);
    }

    Result<Week> finish() const {
        if (days_.any()) {
            return refused("ends with days that have no hours");
        }
        if (with_days_ > 0 && with_days_ < windows_) {
            return refused("must name days in every window or in none");
        }
        return week_;
    }

private:
    Status add_days(std::string_view text) {
        TRY(const Days days, days_of(text));
        days_ |= days;
        return Status::done();
    }

    Status add_hours(std::string_view hours) {
        ++windows_;
        with_days_ += days_.any() ? 1 : 0;
        CHECK_OK(open(week_, days_.any() ? days_ : Days().set(), hours));
        days_.reset();
        return Status::done();
    }

    Week week_;
    Days days_;
    int windows_ = 0;
    int with_days_ = 0;
};

std::int64_t second_of_week(std::int64_t unix_seconds) {
    return ((unix_seconds % kWeekSeconds) + kWeekSeconds + kThursday) % kWeekSeconds;
}

}  // namespace

Result<ChangeWindow> ChangeWindow::parse(std::string_view text) {
    const std::vector<std::string_view> items = items_of(text);
    if (items.size() > kMaxChangeWindows) {
        return refused("may have at most 32 windows and days");
    }
    Reader reader;
    for (const std::string_view item : items) {
        CHECK_OK(reader.read(item));
    }
    TRY(const Week week, reader.finish());
    std::vector<Span> spans;
    if (week.all()) {
        spans.push_back({0, kWeek});
        return ChangeWindow(std::move(spans));
    }
    const auto is_open = [&](std::int32_t minute) {
        return week.test(static_cast<std::size_t>(minute % kWeek));
    };
    for (std::int32_t minute = 0; minute < kWeek; ++minute) {
        if (is_open(minute) && !is_open(minute + kWeek - 1)) {
            std::int32_t end = minute;
            while (is_open(end)) {
                ++end;
            }
            spans.push_back({minute, end});
        }
    }
    return ChangeWindow(std::move(spans));
}

const ChangeWindow::Span* ChangeWindow::open_at(std::int64_t unix_seconds) const noexcept {
    if (unix_seconds > kFarthest || unix_seconds < -kFarthest) {
        return nullptr;
    }
    const std::int64_t minute = second_of_week(unix_seconds) / 60;
    const auto found = std::ranges::find_if(spans_, [&](const Span& span) {
        return (minute >= span.begin && minute < span.end) || minute + kWeek < span.end;
    });
    return found == spans_.end() ? nullptr : &*found;
}

bool ChangeWindow::contains(std::int64_t unix_seconds) const noexcept {
    return open_at(unix_seconds) != nullptr;
}

std::optional<std::int64_t> ChangeWindow::end_of_open(std::int64_t unix_seconds) const noexcept {
    const Span* span = open_at(unix_seconds);
    if (span == nullptr || span->end - span->begin == kWeek) {
        return std::nullopt;
    }
    const std::int64_t second = second_of_week(unix_seconds);
    const std::int64_t end = std::int64_t{span->end} * 60;
    const bool began_last_week = second / 60 < span->begin;
    return unix_seconds - second + end - (began_last_week ? kWeekSeconds : 0);
}

}  // namespace clawsigner::claw
