#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

namespace clawsigner::daemon {

/// A deadline for what a socket waits for: past it the wait is cancelled and the socket stays open,
/// so that the client can still be told why. To be used on the socket's strand; the owner is kept
/// alive until stop().
///
/// Deadlines move with every request, so the timer is not moved with them: it looks every few
/// seconds whether the deadline has come, and is only set anew for one that comes before its next
/// look.
class Watchdog {
public:
    using Socket = boost::asio::local::stream_protocol::socket;
    using Clock = std::chrono::steady_clock;

    explicit Watchdog(Socket& socket) : socket_(socket), timer_(socket.get_executor()) {}

    /// Replaces the deadline that ran before.
    void start(std::chrono::milliseconds time, const std::shared_ptr<void>& owner) {
        expired_ = false;
        deadline_ = Clock::now() + time;
        if (!stopped_ && deadline_ >= next_look_) {
            return;
        }
        stopped_ = false;
        look_later(owner);
    }
    void stop() {
        stopped_ = true;
        ++round_;
        timer_.cancel();
    }
    bool expired() const noexcept { return expired_; }

private:
    static constexpr auto kLongestWait = std::chrono::seconds(5);

    void look_later(std::shared_ptr<void> owner) {
        next_look_ = std::min(deadline_, Clock::now() + kLongestWait);
        const std::uint64_t round = ++round_;
        timer_.expires_at(next_look_);
        timer_.async_wait([this, round, owner = std::move(owner)](const auto& error) {
            // A timer that had already fired cannot be cancelled: its round tells that it is old.
            if (!error && round == round_) {
                look(owner);
            }
        });
    }
    void look(const std::shared_ptr<void>& owner) {
        if (!expired_ && Clock::now() >= deadline_) {
            expired_ = true;
            boost::system::error_code ignored;
            socket_.cancel(ignored);
            deadline_ = Clock::time_point::max();  // until another is set
        }
        look_later(owner);
    }

    Socket& socket_;
    boost::asio::steady_timer timer_;
    Clock::time_point deadline_;
    Clock::time_point next_look_;
    std::uint64_t round_ = 0;
    bool expired_ = false;
    bool stopped_ = true;
};

}  // namespace clawsigner::daemon
