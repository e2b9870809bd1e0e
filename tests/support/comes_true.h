#pragma once

#include "base/clock.h"

#include <chrono>
#include <thread>

namespace clawsigner::tests {

/// Does it come true in that time? For what another thread makes true and nobody is told of; asked
/// again and again, and at least once.
template <class Condition>
bool comes_true(Condition condition, std::chrono::milliseconds within = std::chrono::seconds(10)) {
    const Deadline end = base::deadline_in(within);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::yield();
    }
    return true;
}

}  // namespace clawsigner::tests
