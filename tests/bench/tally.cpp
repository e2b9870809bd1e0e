#include "bench/tally.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <thread>

namespace clawsigner::bench {
namespace {

double seconds(Clock::duration time) {
    return std::chrono::duration<double>(time).count();
}

/// The time that `share` of the sorted operations did not exceed, in microseconds.
double percentile_us(const std::vector<Clock::duration>& sorted, double share) {
    const auto rank = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
    return seconds(sorted[std::min(rank, sorted.size() - 1)]) * 1e6;
}

}  // namespace

std::string Figures::json() {
    std::ranges::sort(times);
    std::array<char, 160> text{};
    std::snprintf(text.data(), text.size(),
                  R"({"per_second":%.4f,"p50_us":%.1f,"p99_us":%.1f,"count":%zu})", per_second,
                  percentile_us(times, 0.50), percentile_us(times, 0.99), times.size());
    return text.data();
}

Tally::Tally(const Span& span)
    : count_from_(Clock::now() + span.warm_up), count_until_(count_from_ + span.length) {}

TimePoint Tally::ended(TimePoint began) {
    const TimePoint now = Clock::now();
    if (now < count_from_ || over_) {
        return now;
    }
    if (!first_) {
        first_ = now;
        return now;
    }
    times_.push_back(now - began);
    last_ = now;
    over_ = now >= count_until_;
    return now;
}

double Tally::per_second() const {
    return times_.empty() ? 0 : static_cast<double>(times_.size()) / seconds(last_ - *first_);
}

Result<Figures> in_threads(std::size_t count, const Span& span,
                           const std::function<Status(std::size_t, Tally&)>& work) {
    std::vector<Tally> tallies(count, Tally(span));
    std::vector<Status> done(count);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < count; ++i) {
        threads.emplace_back([&, i] { done[i] = work(i, tallies[i]); });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    Figures figures;
    for (std::size_t i = 0; i < count; ++i) {
        CHECK_OK(done[i]);
        figures.per_second += tallies[i].per_second();
        figures.times.insert(figures.times.end(), tallies[i].times().begin(),
                             tallies[i].times().end());
    }
    if (figures.times.empty()) {
        return Error(ErrorCode::timeout, "nothing ended within the time measured");
    }
    return figures;
}

}  // namespace clawsigner::bench
