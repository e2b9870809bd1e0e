#include "cli/progress.h"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

namespace clawsigner::cli {
namespace {

constexpr std::uint64_t kWidth = 30;
constexpr auto kEvery = std::chrono::milliseconds(100);

}  // namespace

std::string progress_bar(std::uint64_t done, std::uint64_t of) {
    const double part =
        of == 0 ? 1.0 : static_cast<double>(std::min(done, of)) / static_cast<double>(of);
    const auto filled = static_cast<std::size_t>(part * static_cast<double>(kWidth));
    std::string percent = std::to_string(static_cast<unsigned>(part * 100.0));
    percent.insert(0, 3 - percent.size(), ' ');
    return "[" + std::string(filled, '#') + std::string(kWidth - filled, '-') + "] " + percent +
           " %  " + std::to_string(done) + " of " + std::to_string(of) + " leaves";
}

ProgressBar::ProgressBar(bool wanted) : shown_(wanted && ::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
    if (drawn_) {
        std::fputs("\r\x1b[K", stderr);
    }
}

void ProgressBar::show(std::uint64_t done, std::uint64_t of) {
    const auto now = std::chrono::steady_clock::now();
    if (!shown_ || now < next_) {
        return;
    }
    next_ = now + kEvery;
    drawn_ = true;
    std::fprintf(stderr, "\r%s\x1b[K", progress_bar(done, of).c_str());
    std::fflush(stderr);
}

}  // namespace clawsigner::cli
