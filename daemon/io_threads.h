#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <span>
#include <thread>
#include <vector>

namespace clawsigner::daemon {

/// The threads of one socket. Each has a queue of its own, and what begins on one stays there: a
/// request that wakes a second thread on its way waits longer for that than for the daemon's own
/// work on it. An executor's work is never concurrent with itself, so a connection needs no strand.
class IoThreads {
public:
    using Executor = boost::asio::any_io_executor;
    /// A connection holds one as long as it lives: that is how the threads are told apart by load.
    using Share = std::shared_ptr<const Executor>;

    explicit IoThreads(unsigned count);
    ~IoThreads();
    IoThreads(const IoThreads&) = delete;
    IoThreads& operator=(const IoThreads&) = delete;

    void start();

    /// Returns when every thread has ended. What they had not begun goes with this object.
    void stop();

    /// The thread with the fewest connections. Any thread may ask.
    Share share() const;

    std::span<const Executor> executors() const noexcept { return executors_; }

private:
    std::vector<std::unique_ptr<boost::asio::io_context>> contexts_;
    std::vector<Executor> executors_;
    std::vector<Share> shares_;
    std::vector<std::thread> threads_;
};

}  // namespace clawsigner::daemon
