#pragma once

#include "daemon/access.h"
#include "daemon/admission.h"
#include "daemon/log.h"
#include "daemon/operations.h"
#include "daemon/peer.h"
#include "service/appliance.h"
#include "service/log_budget.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

namespace clawsigner::daemon {

struct ConnectionLimits {
    std::chrono::milliseconds idle{60'000};     // between two requests
    std::chrono::milliseconds request{10'000};  // from a request's first byte to its last
    std::chrono::milliseconds write{10'000};    // for the peer to take the answer
};

/// What all connections of a socket share. Outlives them.
struct Door {
    const service::Appliance& appliance;
    const Log& log;
    Role role;
    Access& access;
    AdmissionLimits bounds;
    ConnectionLimits limits;
    // NOLINTNEXTLINE(readability-redundant-member-init): GCC misses it where a Door is made
    std::span<const boost::asio::any_io_executor> threads{};
    Admission admission{bounds};
    /// Places of those who are only told that they may not, and of those who are turned away: few,
    /// and not taken from the ones who may.
    Admission lobby{{64, 32, 0, 0}};
    // NOLINTNEXTLINE(readability-redundant-member-init): as above
    service::LogBudget log_budget{};
    std::atomic<bool> draining{false};
};

/// Who is at the other end, and the place that was made for it.
struct Caller {
    Peer peer;
    Admission::Place place;
};

/// One client, from accept to close: HTTP/1.1 with keep-alive and pipelining, every read bounded in
/// bytes and time. A caller whom the door does not let in, or not any more, is told so, whatever it
/// asks. Beast is behind this and daemon/wire.h.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    using Socket = boost::asio::local::stream_protocol::socket;

    virtual ~Connection() = default;

    /// The socket's executor runs one thing at a time.
    static std::shared_ptr<Connection> make(Socket socket, Door& door, Caller caller);

    /// Serves until the client leaves, breaks the protocol or a deadline, or the door drains.
    virtual boost::asio::awaitable<void> serve() = 0;

    /// Ends the connection once everything it has received is answered. Any thread.
    virtual void drain() = 0;
};

/// Tells a client for whom there is no place to come back later, and lets it go: once it has heard,
/// if the lobby has room for it so long, else at once.
void turn_away(Connection::Socket socket, Door& door, const Peer& peer);

}  // namespace clawsigner::daemon
