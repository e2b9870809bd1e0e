#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <span>

namespace clawsigner::daemon {

/// Work cut into chunks, for several threads.
struct Chunks {
    std::size_t count = 0;  // of elements
    std::size_t size = 1;   // elements a chunk
};

/// Calls work(from, to) for every chunk, on whichever of the executors is free, and completes, on
/// the awaiting coroutine's own executor, when all have returned. Each executor goes back to its
/// queue between two chunks, so that other requests have their turn. `work` is called by several
/// threads at once and must not throw. The executors outlive the call.
boost::asio::awaitable<void> fan_out(std::span<const boost::asio::any_io_executor> threads,
                                     Chunks chunks,
                                     std::function<void(std::size_t from, std::size_t to)> work);

}  // namespace clawsigner::daemon
