#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::claw {

inline constexpr std::size_t kMaxChangeWindows = 32;

/// The hours of a week, in UTC, in which something may be done. Immutable once made.
class ChangeWindow {
public:
    /// "09:00-17:00"; "22:00-06:00" (over midnight; it belongs to the day it begins on);
    /// "Mon-Fri 09:00-17:00"; "Mon,Wed,Sat-Sun 08:00-12:00"; several, with a comma between them:
    /// "09:00-12:00,13:00-17:00". Hours from 00:00 to 23:59, as an end also 24:00; days Mon Tue Wed
    /// Thu Fri Sat Sun, a range may go over Sunday. A window without days is every day's; beside
    /// one that names its days it could be read in two ways and is refused. Begin and end differ.
    /// Begins are included, ends are not. At most kMaxChangeWindows. Error: invalid_field without a
    /// field name.
    static Result<ChangeWindow> parse(std::string_view text);

    /// Is it open at this Unix time, in seconds? Any value.
    bool contains(std::int64_t unix_seconds) const noexcept;

    /// When the window that is open at that time ends, in Unix seconds; windows that touch or
    /// overlap are one. Nothing when it never ends, or none is open then.
    std::optional<std::int64_t> end_of_open(std::int64_t unix_seconds) const noexcept;

private:
    /// Minutes of the week from Monday 00:00: [begin, end), end may be beyond the week's. Sorted;
    /// none touches another.
    struct Span {
        std::int32_t begin;
        std::int32_t end;
    };
    explicit ChangeWindow(std::vector<Span> spans) : spans_(std::move(spans)) {}

    const Span* open_at(std::int64_t unix_seconds) const noexcept;

    std::vector<Span> spans_;
};

}  // namespace clawsigner::claw
