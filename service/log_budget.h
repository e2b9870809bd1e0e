#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>

namespace clawsigner::service {

/// Keeps what strangers can provoke from filling the log: a burst, then so many lines a second.
/// Thread-safe.
class LogBudget {
public:
    struct Rate {
        double burst = 100;
        double per_second = 10;
    };

    LogBudget() = default;
    explicit LogBudget(Rate rate) : rate_(rate), lines_(rate.burst) {}

    /// A line may be written now; the value is how many were left out since the last one.
    std::optional<std::size_t> take() {
        const std::lock_guard lock(mutex_);
        const auto now = std::chrono::steady_clock::now();
        const double passed = std::chrono::duration<double>(now - last_).count();
        lines_ = std::min(rate_.burst, lines_ + passed * rate_.per_second);
        last_ = now;
        if (lines_ < 1) {
            ++left_out_;
            return std::nullopt;
        }
        lines_ -= 1;
        return std::exchange(left_out_, 0);
    }

    /// How many were left out since the last line, which are now accounted for.
    std::size_t take_left_out() {
        const std::lock_guard lock(mutex_);
        return std::exchange(left_out_, 0);
    }

private:
    std::mutex mutex_;
    Rate rate_;
    double lines_ = rate_.burst;
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
    std::size_t left_out_ = 0;
};

}  // namespace clawsigner::service
