#pragma once

#include "bench/exchange.h"
#include "bench/tally.h"

#include <cstddef>
#include <filesystem>

namespace clawsigner::bench {

struct Load {
    std::filesystem::path socket;
    std::size_t connections = 1;
    std::size_t threads = 1;  // that the connections are shared out to
};

/// Closed loop: every connection sends its next request as soon as its reply is there. Errors:
/// io_failed; what the exchange says of a reply.
Result<Figures> run_load(const Load& load, const Exchange& exchange, const Span& span);

}  // namespace clawsigner::bench
