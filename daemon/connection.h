#pragma once

#include "daemon/log.h"
#include "daemon/operations.h"
#include "service/appliance.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

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
    boost::asio::any_io_executor threads;
    unsigned thread_count;
    ConnectionLimits limits;
    std::atomic<bool> draining{false};
};

/// One client, from accept to close: HTTP/1.1 with keep-alive and pipelining, every read bounded in
/// bytes and time. Beast is behind this and nowhere else.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    using Socket = boost::asio::local::stream_protocol::socket;

    virtual ~Connection() = default;

    /// The socket's executor must be a strand, or run on one thread.
    static std::shared_ptr<Connection> make(Socket socket, Door& door);

    /// Serves until the client leaves, breaks the protocol or a deadline, or the door drains.
    virtual boost::asio::awaitable<void> serve() = 0;

    /// Ends the connection now if it is between two requests, else after the answer. Any thread.
    virtual void drain() = 0;
};

}  // namespace clawsigner::daemon
