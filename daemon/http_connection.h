#pragma once

#include "daemon/connection.h"
#include "daemon/watchdog.h"
#include "daemon/wire.h"

#include <boost/beast/core/flat_buffer.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace clawsigner::daemon {

/// A connection as it stands on the wire (see Connection).
class HttpConnection final : public Connection {
public:
    HttpConnection(Socket socket, Door& door, Caller caller)
        : socket_(std::move(socket)),
          door_(door),
          caller_(std::move(caller)),
          company_(door.appliance.ledger->company().connect()) {
        socket_.non_blocking(true);
    }

    boost::asio::awaitable<void> serve() override;
    void drain() override;

private:
    /// What became of one attempt to read.
    enum class Read { complete, refused, over };

    /// What the client has sent that was not parsed yet.
    enum class Arrival { bytes, nothing, end };

    // Its life: connection.cpp.
    boost::asio::awaitable<bool> serve_one();
    boost::asio::awaitable<void> discard_rest();
    void arm(std::chrono::milliseconds time) { watchdog_.start(time, shared_from_this()); }
    void hang_up();

    // What comes in: connection_read.cpp.
    Arrival arrival();
    boost::asio::awaitable<bool> await_first_byte();
    boost::beast::error_code parse_arrived(wire::Parser& parser);
    boost::asio::awaitable<Read> read_request(wire::Parser& parser);
    boost::asio::awaitable<Read> read_body(wire::Parser& parser);
    Read broken_off(const boost::beast::error_code& error);
    /// The operation asked for, or the answer that refuses it.
    void judge_header(wire::Parser& parser);
    std::optional<Error> header_fault(const wire::Parser& parser, const Lookup& found) const;
    Status welcome() const;
    void refuse(const Error& error);

    // What goes out: connection_answer.cpp.
    boost::asio::awaitable<Answer> answer(const wire::Parser::value_type& request);
    boost::asio::awaitable<bool> write(Answer answer, bool keep_alive, unsigned version);
    void log_request(const Answer& answer, const std::string& id);

    // What stands in it is a header, a piece of a body, or what follows them: a body itself is
    // moved on as it comes.
    static constexpr std::size_t kMaxBuffer = 131'072;

    Socket socket_;
    Door& door_;
    Caller caller_;
    const ledger::Company::Member company_;
    Watchdog watchdog_{socket_};
    boost::beast::flat_buffer buffer_{kMaxBuffer};
    wire::RequestIds ids_;
    const Operation* operation_ = nullptr;
    std::string rest_;        // of the path, behind the operation's '*'
    Admission::Place place_;  // of the request under way
    Answer refusal_;
    bool busy_ = false;      // a request is being read or answered
    bool bodiless_ = false;  // the answer to HEAD has a header only
    std::chrono::steady_clock::time_point began_;
};

}  // namespace clawsigner::daemon
