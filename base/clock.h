#pragma once

#include "base/result.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace clawsigner::base {

/// A point of wall-clock time, to the millisecond, as everything signed here states it.
using UnixMillis = std::chrono::sys_time<std::chrono::milliseconds>;

/// The latest moment a caller is willing to wait for. Monotonic.
using Deadline = std::chrono::steady_clock::time_point;
inline Deadline deadline_in(std::chrono::milliseconds wait) {
    return std::chrono::steady_clock::now() + wait;
}

/// What time it is. A test brings its own. Implementations are safe to call from any thread.
class Clock {
public:
    virtual ~Clock() = default;
    virtual UnixMillis now() const = 0;
};

class SystemClock final : public Clock {
public:
    UnixMillis now() const override;
};

/// A clock that remembers the latest moment it has shown, so that what was over stays over when the
/// host's clock is put back. Thread-safe.
class WatchedClock final : public Clock {
public:
    /// `wall` outlives it.
    explicit WatchedClock(const Clock& wall) : wall_(wall) {}

    /// What `wall` says, as everything signed states it.
    UnixMillis now() const override;
    /// The later of that and everything shown or remembered before: what is allowed is judged by
    /// this.
    UnixMillis judged() const;
    /// How far `wall` is behind what it has shown; zero, when it is not.
    std::chrono::milliseconds behind() const { return judged() - now(); }
    /// It was this late already, as something outside of the clock shows.
    void remember(UnixMillis moment) const noexcept;

private:
    const Clock& wall_;
    mutable std::atomic<std::int64_t> latest_{0};  // Unix milliseconds
};

/// Of the year 9999, in Unix seconds: what is later than that has no place in a date of four
/// digits.
inline constexpr std::int64_t kLastSecond = 253'402'300'799;

/// As JavaScript's Date.prototype.toISOString prints it: "2026-01-01T00:00:00.123Z". Years 0000 to
/// 9999.
std::string format_utc(UnixMillis time);

/// Accepts exactly what format_utc prints, for a day that exists. Error: invalid_field without a
/// field name.
Result<UnixMillis> parse_utc(std::string_view text);

}  // namespace clawsigner::base

namespace clawsigner {
using base::Clock;
using base::Deadline;
using base::UnixMillis;
}  // namespace clawsigner
