#pragma once

#include "base/clock.h"

namespace clawsigner::tests {

/// A clock that stands still: 2026-01-01T00:00:00.000Z, unless set.
class FixedClock final : public Clock {
public:
    UnixMillis now() const override { return now_; }
    void set(UnixMillis now) { now_ = now; }

private:
    UnixMillis now_{std::chrono::milliseconds(1767225600000)};
};

}  // namespace clawsigner::tests
