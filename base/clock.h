#pragma once

#include "base/result.h"

#include <chrono>
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
