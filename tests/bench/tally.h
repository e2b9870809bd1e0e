#pragma once

#include "base/result.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace clawsigner::bench {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

/// How long a measurement is, and how long it runs before it counts.
struct Span {
    std::chrono::milliseconds warm_up{200};
    std::chrono::milliseconds length{1000};
};

/// What was measured: operations a second, and how long each of them took.
struct Figures {
    double per_second = 0;
    std::vector<Clock::duration> times;

    /// {"per_second":…,"p50_us":…,"p99_us":…,"count":…}
    std::string json();
};

/// One thread's operations, counted from one's end to another's: no part of an operation is
/// counted, so that also a few long ones make an exact rate.
class Tally {
public:
    explicit Tally(const Span& span);

    /// An operation that began at `began` has ended. Returns the time, for the next one to begin.
    TimePoint ended(TimePoint began);
    /// Begin no more.
    bool over() const noexcept { return over_; }

    double per_second() const;
    const std::vector<Clock::duration>& times() const noexcept { return times_; }

private:
    TimePoint count_from_;
    TimePoint count_until_;
    std::optional<TimePoint> first_;
    TimePoint last_;
    bool over_ = false;
    std::vector<Clock::duration> times_;
};

/// Runs `work` in so many threads at once, each with its index and a tally of its own, and adds the
/// tallies up. Error: the first of a thread.
Result<Figures> in_threads(std::size_t count, const Span& span,
                           const std::function<Status(std::size_t, Tally&)>& work);

}  // namespace clawsigner::bench
