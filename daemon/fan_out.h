#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>

namespace clawsigner::daemon {

/// Work cut into chunks, for several threads.
struct Chunks {
    std::size_t count = 0;  // of elements
    std::size_t size = 1;   // elements a chunk
    unsigned width = 1;     // chunks under way at once
};

/// Calls work(from, to) for every chunk on the executor's threads and completes, on the awaiting
/// coroutine's own executor, when all have returned. Each thread goes back to the executor's queue
/// between two chunks, so that other requests have their turn. `work` is called by several threads
/// at once and must not throw.
boost::asio::awaitable<void> fan_out(boost::asio::any_io_executor threads, Chunks chunks,
                                     std::function<void(std::size_t from, std::size_t to)> work);

}  // namespace clawsigner::daemon
