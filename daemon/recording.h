#pragma once

#include "ledger/log.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <vector>

namespace clawsigner::daemon {

/// Puts entries into the ledger and completes, on the awaiting coroutine's own executor, when they
/// are on disk or refused: one outcome per entry. At the deadline every outcome is ledger_blocked,
/// and what has not gone to the disk by then does not go.
boost::asio::awaitable<std::vector<ledger::Outcome>> recorded(ledger::Log& log,
                                                              std::vector<ledger::Entry> entries,
                                                              std::chrono::milliseconds deadline);

}  // namespace clawsigner::daemon
