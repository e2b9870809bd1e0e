#include "daemon/answers.h"
#include "daemon/http_connection.h"

#include <boost/asio/post.hpp>
#include <boost/beast/http.hpp>

#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <tuple>

/// What comes in on a connection: bytes, requests, and what they ask for.
namespace clawsigner::daemon {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using namespace wire;

namespace {

constexpr std::size_t kKeptBuffer = 65'536;  // more than this is given back between two requests
constexpr std::size_t kFirstRead = 4'096;

}  // namespace

void HttpConnection::refuse(const Error& error) {
    operation_ = nullptr;
    refusal_ = error_answer(error);
}

HttpConnection::Read HttpConnection::broken_off(const beast::error_code& error) {
    if (watchdog_.expired()) {
        refuse(Error(ErrorCode::timeout, "the request did not arrive in time"));
        return Read::refused;
    }
    refuse(read_failure(error));
    return peer_is_gone(error) ? Read::over : Read::refused;
}

/// Reads without waiting, and without a buffer for what may never come.
HttpConnection::Arrival HttpConnection::arrival() {
    if (buffer_.size() > 0) {
        return Arrival::bytes;
    }
    std::array<char, kFirstRead> read;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    const ssize_t size = ::recv(socket_.native_handle(), read.data(), read.size(), MSG_DONTWAIT);
    if (size <= 0) {
        return size < 0 && errno == EAGAIN ? Arrival::nothing : Arrival::end;
    }
    const asio::const_buffer bytes(read.data(), static_cast<std::size_t>(size));
    buffer_.commit(asio::buffer_copy(buffer_.prepare(bytes.size()), bytes));
    return Arrival::bytes;
}

/// What is here is parsed at once: a request that came in one piece costs the event loop no turn.
beast::error_code HttpConnection::parse_arrived(Parser& parser) {
    beast::error_code error;
    if (buffer_.size() > 0) {
        buffer_.consume(parser.put(buffer_.data(), error));
    }
    return error == http::error::need_more ? beast::error_code() : error;
}

/// Waits without holding memory for what may never come. While the door drains nothing is waited
/// for, but what has arrived is still served.
asio::awaitable<bool> HttpConnection::await_first_byte() {
    busy_ = false;
    if (buffer_.size() == 0 && buffer_.capacity() > kKeptBuffer) {
        buffer_.shrink_to_fit();
    }
    Arrival arrived = arrival();
    if (arrived == Arrival::bytes) {
        // A client that always has more to ask does not keep the others of its thread waiting.
        co_await asio::post(socket_.get_executor(), asio::use_awaitable);
    } else if (arrived == Arrival::nothing) {
        arm(door_.limits.idle);
    }
    // A wait can end for an event of the past: only the socket itself says whether bytes are here.
    while (arrived == Arrival::nothing && !door_.draining && !watchdog_.expired()) {
        co_await socket_.async_wait(Socket::wait_read, kUse);
        arrived = arrival();
    }
    if (arrived != Arrival::bytes) {
        co_return false;
    }
    busy_ = true;
    began_ = std::chrono::steady_clock::now();
    arm(door_.limits.request);
    co_return true;
}

/// Asked at every request: a caller may lose the role between two.
Status HttpConnection::welcome() const {
    return door_.access.allows(door_.role, caller_.peer)
               ? Status::done()
               : Status(Error(ErrorCode::forbidden,
                              "user " + std::to_string(caller_.peer.uid) + " may not use the " +
                                  std::string(role_name(door_.role)) + " socket"));
}

std::optional<Error> HttpConnection::header_fault(const Parser& parser, const Lookup& found) const {
    const auto& request = parser.get();
    const std::string role(role_name(door_.role));
    if (const Status let_in = welcome(); !let_in.ok()) {
        return let_in.error();
    }
    if (request.version() == 11 && request.count(http::field::host) != 1) {
        return Error(ErrorCode::bad_request, "an HTTP/1.1 request has one Host header");
    }
    if (!framing_is_plain(request)) {
        return Error(ErrorCode::bad_request, "Transfer-Encoding may only be chunked");
    }
    if (!found.allowed.empty()) {
        return Error(ErrorCode::method_not_allowed, "this path takes " + found.allowed);
    }
    if (found.operation == nullptr) {
        return Error(ErrorCode::not_found, "no such operation on the " + role + " socket");
    }
    if (parser.content_length().value_or(0) > found.operation->max_body) {
        return Error(
            ErrorCode::too_large,
            "the body may have at most " + std::to_string(found.operation->max_body) + " bytes");
    }
    return std::nullopt;
}

void HttpConnection::judge_header(Parser& parser) {
    const auto& request = parser.get();
    const Target target = target_of({request.target().data(), request.target().size()});
    const Lookup found = find_operation(
        door_.role, {request.method_string().data(), request.method_string().size()}, target.path);
    bodiless_ = request.method() == http::verb::head;
    if (const auto fault = header_fault(parser, found)) {
        refuse(*fault);
        if (fault->code == ErrorCode::method_not_allowed) {
            refusal_.headers.emplace_back("Allow", found.allowed);
        }
        return;
    }
    const std::size_t most = found.operation->max_body;
    const auto announced = parser.content_length();
    if (most > 0) {
        place_ = door_.admission.request(
            caller_.peer.uid,
            announced ? static_cast<std::size_t>(*announced) : (parser.chunked() ? most : 0));
    }
    if (most > 0 && !place_) {
        return refuse(Error(ErrorCode::queue_full, "too many requests are under way"));
    }
    operation_ = found.operation;
    rest_ = found.rest;
    parser.body_limit(most);
}

asio::awaitable<HttpConnection::Read> HttpConnection::read_request(Parser& parser) {
    operation_ = nullptr;
    bodiless_ = false;
    parser.header_limit(kMaxHeader);
    parser.body_limit(largest_body());
    if (!co_await await_first_byte()) {
        co_return Read::over;
    }
    parser.eager(false);
    beast::error_code error = parse_arrived(parser);
    if (!error && !parser.is_header_done()) {
        std::tie(error, std::ignore) =
            co_await http::async_read_header(socket_, buffer_, parser, kUse);
    }
    if (error) {
        co_return broken_off(error);
    }
    judge_header(parser);
    if (operation_ == nullptr) {
        co_return Read::refused;
    }
    co_return co_await read_body(parser);
}

asio::awaitable<HttpConnection::Read> HttpConnection::read_body(Parser& parser) {
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        const http::response<http::empty_body> go_on(http::status::continue_,
                                                     parser.get().version());
        const auto [error, size] = co_await http::async_write(socket_, go_on, kUse);
        if (error) {
            co_return Read::over;
        }
    }
    parser.eager(true);
    beast::error_code error = parser.is_done() ? beast::error_code() : parse_arrived(parser);
    if (!error && !parser.is_done()) {
        std::tie(error, std::ignore) = co_await http::async_read(socket_, buffer_, parser, kUse);
    }
    co_return error ? broken_off(error) : Read::complete;
}

}  // namespace clawsigner::daemon
