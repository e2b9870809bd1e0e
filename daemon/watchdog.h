#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <memory>

namespace clawsigner::daemon {

/// A deadline for what a socket waits for: past it the wait is cancelled and the socket stays open,
/// so that the client can still be told why. To be used on the socket's strand; the owner is kept
/// alive while a deadline runs.
class Watchdog {
public:
    using Socket = boost::asio::local::stream_protocol::socket;

    explicit Watchdog(Socket& socket) : socket_(socket), timer_(socket.get_executor()) {}

    /// Replaces the deadline that ran before.
    void start(std::chrono::milliseconds time, std::shared_ptr<void> owner) {
        expired_ = false;
        const std::uint64_t round = ++round_;
        timer_.expires_after(time);
        timer_.async_wait([this, round, owner = std::move(owner)](const auto& error) {
            // A timer that had already fired cannot be cancelled: its round tells that it is old.
            if (!error && round == round_) {
                expired_ = true;
                boost::system::error_code ignored;
                socket_.cancel(ignored);
            }
        });
    }
    void stop() {
        ++round_;
        timer_.cancel();
    }
    bool expired() const noexcept { return expired_; }

private:
    Socket& socket_;
    boost::asio::steady_timer timer_;
    std::uint64_t round_ = 0;
    bool expired_ = false;
};

}  // namespace clawsigner::daemon
