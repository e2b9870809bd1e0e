#pragma once

#include "bench/exchange.h"
#include "bench/tally.h"

#include <chrono>
#include <cstddef>
#include <filesystem>

namespace clawsigner::bench {

/// So many operations with the same pause before each: what one costs when nothing is going on.
struct Pace {
    std::size_t count = 200;
    std::chrono::milliseconds pause{5};
};

/// Requests on one connection. Errors: io_failed; what the exchange says of a reply.
Result<Figures> run_idle(const std::filesystem::path& socket, const Exchange& exchange,
                         const Pace& pace);

/// A page appended to a file of this directory, and fdatasync. Error: io_failed.
Result<Figures> run_fdatasync(const std::filesystem::path& directory, const Pace& pace);

}  // namespace clawsigner::bench
