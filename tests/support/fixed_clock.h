#pragma once

#include "base/clock.h"

#include <atomic>

namespace clawsigner::tests {

/// A clock that stands still: 2026-01-01T00:00:00.000Z, unless set.
class FixedClock final : public Clock {
public:
    UnixMillis now() const override { return now_; }
    void set(UnixMillis now) { now_ = now; }
    void advance(std::chrono::milliseconds by) { now_ = now_.load() + by; }

private:
    std::atomic<UnixMillis> now_{UnixMillis(std::chrono::milliseconds(1767225600000))};
};

}  // namespace clawsigner::tests
