#include "daemon/connection.h"

#include "daemon/answers.h"
#include "daemon/watchdog.h"
#include "daemon/wire.h"
#include "service/refusals.h"

#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <array>
#include <cerrno>
#include <optional>
#include <sys/socket.h>
#include <thread>
#include <tuple>

namespace clawsigner::daemon {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using namespace wire;

// What stands in the socket's buffer is a header, a piece of a body, or what follows them: a body
// itself is moved on as it comes.
constexpr std::size_t kMaxBuffer = 131'072;
constexpr std::size_t kKeptBuffer = 65'536;  // more than this is given back between two requests
constexpr std::size_t kFirstRead = 4'096;

class HttpConnection final : public Connection {
public:
    HttpConnection(Socket socket, Door& door, Caller caller)
        : socket_(std::move(socket)),
          door_(door),
          caller_(std::move(caller)),
          company_(door.appliance.ledger->company().connect()) {
        socket_.non_blocking(true);
    }

    asio::awaitable<void> serve() override;
    void drain() override;

private:
    /// What became of one attempt to read.
    enum class Read { complete, refused, over };

    asio::awaitable<bool> await_first_byte();
    asio::awaitable<Read> read_request(Parser& parser);
    asio::awaitable<Read> read_body(Parser& parser);
    asio::awaitable<Answer> answer(const Parser::value_type& request);
    asio::awaitable<void> discard_rest();
    asio::awaitable<bool> write(Answer answer, bool keep_alive, unsigned version);
    asio::awaitable<bool> serve_one();

    /// Judges the header: the operation asked for, or the answer that refuses it.
    void judge_header(Parser& parser);
    std::optional<Error> header_fault(const Parser& parser, const Lookup& found) const;
    Status welcome() const;
    void refuse(const Error& error);
    Read broken_off(const beast::error_code& error);
    void arm(std::chrono::milliseconds time) { watchdog_.start(time, shared_from_this()); }
    /// What the client has sent that was not parsed yet.
    enum class Arrival { bytes, nothing, end };
    Arrival arrival();
    beast::error_code parse_arrived(Parser& parser);
    void log_request(const Answer& answer, const std::string& id);
    void hang_up();

    Socket socket_;
    Door& door_;
    Caller caller_;
    const ledger::Company::Member company_;
    Watchdog watchdog_{socket_};
    beast::flat_buffer buffer_{kMaxBuffer};
    RequestIds ids_;
    const Operation* operation_ = nullptr;
    std::string rest_;        // of the path, behind the operation's '*'
    Admission::Place place_;  // of the request under way
    Answer refusal_;
    bool busy_ = false;      // a request is being read or answered
    bool bodiless_ = false;  // the answer to HEAD has a header only
    std::chrono::steady_clock::time_point began_;
};

std::string operation_name(const Operation& operation) {
    return std::string(method_name(operation.method)).append(" ").append(operation.path);
}

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

void HttpConnection::drain() {
    asio::post(socket_.get_executor(), [self = shared_from_this(), this] {
        if (!busy_) {
            beast::error_code ignored;
            socket_.cancel(ignored);
        }
    });
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

asio::awaitable<Answer> HttpConnection::answer(const Parser::value_type& request) {
    const Target target = target_of({request.target().data(), request.target().size()});
    if (operation_->query == Query::none && !target.query.empty()) {
        co_return error_answer(Error::at("query", "is not taken here"));
    }
    // Its body may have taken its time.
    if (const Status let_in = welcome(); !let_in.ok()) {
        co_return error_answer(let_in.error());
    }
    auto on_its_way = door_.appliance.ledger->company().come();
    const Call call{
        door_.appliance, door_.role,     rest_,
        target.query,    request.body(), {std::string(role_name(door_.role)), caller_.peer.uid},
        on_its_way,      door_.log,      door_.threads};
    Answer made;
    if (const auto* plain = std::get_if<PlainHandler>(&operation_->handler)) {
        made = (*plain)(call);
    } else {
        made = co_await std::get<SpreadHandler>(operation_->handler)(call);
    }
    if (door_.role == Role::admin && operation_->max_body > 0) {
        door_.access.follow();
    }
    if (!made.code.empty() && operation_->max_body > 0) {
        door_.appliance.refusals->note(call.caller, operation_name(*operation_), made.code,
                                       made.rule, call.body);
    }
    co_return made;
}

/// One line for every request that is refused, as far as the budget goes; for every one at all at
/// level debug.
void HttpConnection::log_request(const Answer& answer, const std::string& id) {
    const bool good = answer.code.empty();  // also for "not ready", which is an answer
    const auto level = good                   ? Log::Level::debug
                       : answer.status >= 500 ? Log::Level::warning
                                              : Log::Level::info;
    if (!door_.log.wants(level)) {
        return;
    }
    const auto left_out = good ? std::optional<std::size_t>(0) : door_.log_budget.take();
    if (!left_out) {
        return;
    }
    const auto took = std::chrono::steady_clock::now() - began_;
    claw::JsonWriter line;
    line.text("request", id)
        .text("role", role_name(door_.role))
        .text("operation", operation_ == nullptr ? "none" : operation_->path)
        .integer("status", answer.status)
        .integer("uid", caller_.peer.uid)
        .integer("us", std::chrono::duration_cast<std::chrono::microseconds>(took).count());
    if (!good) {
        line.text("code", answer.code);
    }
    if (caller_.peer.pid_is_certain) {
        line.integer("pid", caller_.peer.pid);
    }
    if (*left_out > 0) {
        line.integer("left_out", static_cast<std::int64_t>(*left_out));
    }
    door_.log.event(good ? "request.answered" : "request.refused", level, std::move(line));
}

asio::awaitable<bool> HttpConnection::write(Answer answer, bool keep_alive, unsigned version) {
    const std::string id = ids_.next();
    log_request(answer, id);
    Response response = response_of(std::move(answer), id, keep_alive, version);
    if (bodiless_) {
        response.body().clear();
    }
    http::serializer<false, http::string_body> serializer(response);
    beast::error_code error;
    http::write(socket_, serializer, error);
    if (error == asio::error::would_block) {
        arm(door_.limits.write);
        std::tie(error, std::ignore) = co_await http::async_write(socket_, serializer, kUse);
    }
    co_return !error && keep_alive;
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

}  // namespace

std::shared_ptr<Connection> Connection::make(Socket socket, Door& door, Caller caller) {
    return std::make_shared<HttpConnection>(std::move(socket), door, std::move(caller));
}

}  // namespace clawsigner::daemon
