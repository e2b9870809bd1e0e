#include "daemon/connection.h"

#include "daemon/http_connection.h"

#include <boost/asio/post.hpp>

#include <thread>

/// A connection from accept to close.
namespace clawsigner::daemon {

namespace asio = boost::asio;
namespace beast = boost::beast;
using namespace wire;

void HttpConnection::drain() {
    asio::post(socket_.get_executor(), [self = shared_from_this(), this] {
        if (!busy_) {
            beast::error_code ignored;
            socket_.cancel(ignored);
        }
    });
}

/// Lets a client that is still sending finish, so that it reads our answer instead of a broken
/// pipe.
asio::awaitable<void> HttpConnection::discard_rest() {
    arm(kDiscardTime);
    buffer_.clear();
    buffer_.shrink_to_fit();
    co_await discard(socket_);
}

/// One request. False when it was the last.
asio::awaitable<bool> HttpConnection::serve_one() {
    Parser parser;
    const Read read = co_await read_request(parser);
    if (read == Read::over) {
        co_return false;
    }
    if (read == Read::refused) {
        // What stands in the stream behind a refused header is anybody's guess: answer and close.
        co_await write(std::move(refusal_), false, 11);
        place_ = {};
        co_await discard_rest();
        co_return false;
    }
    const auto& request = parser.get();
    Answer made = co_await answer(request);
    const bool last = door_.draining && arrival() != Arrival::bytes;
    const bool more =
        co_await write(std::move(made), request.keep_alive() && !last, request.version());
    place_ = {};
    co_return more;
}

asio::awaitable<void> HttpConnection::serve() {
    const auto self = shared_from_this();
    try {
        while (co_await serve_one()) {
            // Who was woken meanwhile goes first: the client that has its answer, the ledger, a
            // thread of another role. Else a busy thread keeps its core until the scheduler's tick.
            std::this_thread::yield();
        }
    } catch (...) {
        hang_up();
        throw;
    }
    hang_up();
}

/// Also gives back what others may have then: the watchdog would hold on to the connection.
void HttpConnection::hang_up() {
    place_ = {};
    watchdog_.stop();
    beast::error_code ignored;
    socket_.shutdown(Socket::shutdown_both, ignored);
    socket_.close(ignored);
}

std::shared_ptr<Connection> Connection::make(Socket socket, Door& door, Caller caller) {
    return std::make_shared<HttpConnection>(std::move(socket), door, std::move(caller));
}

}  // namespace clawsigner::daemon
