#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace clawsigner::cli {

/// "[######----]  60 %  6000 of 10000 leaves"
std::string progress_bar(std::uint64_t done, std::uint64_t of);

/// A bar on standard error, for a person at a terminal; silent otherwise, and gone at the end.
class ProgressBar {
public:
    explicit ProgressBar(bool wanted);
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;
    ~ProgressBar();

    void show(std::uint64_t done, std::uint64_t of);

private:
    bool shown_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point next_;
};

}  // namespace clawsigner::cli
