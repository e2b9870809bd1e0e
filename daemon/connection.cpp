#include "daemon/connection.h"

#include "crypto/random.h"
#include "daemon/answers.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <optional>

namespace clawsigner::daemon {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::uint32_t kMaxHeader = 16'384;
constexpr std::size_t kReadAhead = 16'384;
constexpr std::size_t kDiscardBytes = 16U << 20U;
constexpr auto kDiscardTime = std::chrono::seconds(2);
constexpr auto kUse = asio::as_tuple(asio::use_awaitable);

using Stream = beast::basic_stream<asio::local::stream_protocol>;
using Parser = http::request_parser<http::string_body>;
using Response = http::response<http::string_body>;

/// Twelve characters that say which request of which run a log line and an answer speak of.
std::string request_id() {
    std::array<std::uint8_t, 9> bytes{};
    return crypto::fill_random(bytes).ok() ? base::base64url_encode(bytes) : "unavailable";
}

struct Target {
    std::string_view path;
    std::string_view query;
};

Target target_of(std::string_view target) {
    const std::size_t mark = target.find('?');
    return mark == std::string_view::npos ? Target{target, {}}
                                          : Target{target.substr(0, mark), target.substr(mark + 1)};
}

Error read_failure(const beast::error_code& error) {
    if (error == http::error::header_limit) {
        return {ErrorCode::too_large, "the request's header has more than 16384 bytes"};
    }
    if (error == http::error::body_limit) {
        return {ErrorCode::too_large, "the request's body is too large"};
    }
    if (error == beast::error::timeout) {
        return {ErrorCode::timeout, "the request did not arrive in time"};
    }
    return {ErrorCode::bad_request, "not an HTTP/1.1 request: " + error.message()};
}

/// Beast takes a coding it does not know for none at all, and what follows for another request.
bool framing_is_plain(const Parser::value_type& request) {
    const auto codings = request.count(http::field::transfer_encoding);
    return codings == 0 || (codings == 1 && request.version() == 11 &&
                            beast::iequals(request[http::field::transfer_encoding], "chunked"));
}

/// Errors after which nobody is there to answer.
bool peer_is_gone(const beast::error_code& error) {
    return error == http::error::end_of_stream || error == http::error::partial_message ||
           error == asio::error::eof || error == asio::error::connection_reset ||
           error == asio::error::broken_pipe || error == asio::error::operation_aborted;
}

class HttpConnection final : public Connection {
public:
    HttpConnection(Socket socket, Door& door) : stream_(std::move(socket)), door_(door) {}

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

    /// Judges the header: the operation asked for, or the answer that refuses it.
    void judge_header(Parser& parser);
    void refuse(const Error& error);

    Stream stream_;
    Door& door_;
    beast::flat_buffer buffer_{kReadAhead + kMaxHeader + largest_body()};
    const Operation* operation_ = nullptr;
    Answer refusal_;
    bool busy_ = false;  // a request is being read or answered
};

void HttpConnection::refuse(const Error& error) {
    refusal_ = error_answer(error);
}

void HttpConnection::drain() {
    asio::post(stream_.get_executor(), [self = shared_from_this(), this] {
        if (!busy_) {
            stream_.cancel();
        }
    });
}

asio::awaitable<bool> HttpConnection::await_first_byte() {
    busy_ = false;
    if (buffer_.size() > 0) {
        co_return true;  // a pipelined request is here already
    }
    if (door_.draining) {
        co_return false;
    }
    stream_.expires_after(door_.limits.idle);
    const auto space = buffer_.prepare(kReadAhead);
    const auto [error, size] = co_await stream_.async_read_some(space, kUse);
    buffer_.commit(size);
    co_return !error;
}

void HttpConnection::judge_header(Parser& parser) {
    const auto& request = parser.get();
    const Target target = target_of({request.target().data(), request.target().size()});
    const Lookup found = find_operation(
        door_.role, {request.method_string().data(), request.method_string().size()}, target.path);
    operation_ = found.operation;
    if (request.version() == 11 && request.count(http::field::host) != 1) {
        operation_ = nullptr;
        return refuse(Error(ErrorCode::bad_request, "an HTTP/1.1 request has one Host header"));
    }
    if (!framing_is_plain(request)) {
        operation_ = nullptr;
        return refuse(Error(ErrorCode::bad_request, "Transfer-Encoding may only be chunked"));
    }
    if (!found.allowed.empty()) {
        refuse(Error(ErrorCode::method_not_allowed, "this path takes " + found.allowed));
        refusal_.headers.emplace_back("Allow", found.allowed);
    } else if (operation_ == nullptr) {
        refuse(Error(ErrorCode::not_found,
                     "no such operation on the " + std::string(role_name(door_.role)) + " socket"));
    } else if (parser.content_length().value_or(0) > operation_->max_body) {
        refuse(Error(ErrorCode::too_large, "the body may have at most " +
                                               std::to_string(operation_->max_body) + " bytes"));
        operation_ = nullptr;
    } else {
        parser.body_limit(operation_->max_body);
    }
}

asio::awaitable<HttpConnection::Read> HttpConnection::read_request(Parser& parser) {
    parser.header_limit(kMaxHeader);
    parser.body_limit(largest_body());
    if (!co_await await_first_byte()) {
        co_return Read::over;
    }
    busy_ = true;
    stream_.expires_after(door_.limits.request);
    const auto [error, size] = co_await http::async_read_header(stream_, buffer_, parser, kUse);
    if (error) {
        refuse(read_failure(error));
        co_return peer_is_gone(error) ? Read::over : Read::refused;
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
        const auto [error, size] = co_await http::async_write(stream_, go_on, kUse);
        if (error) {
            co_return Read::over;
        }
    }
    const auto [error, size] = co_await http::async_read(stream_, buffer_, parser, kUse);
    if (error) {
        refuse(read_failure(error));
        co_return peer_is_gone(error) ? Read::over : Read::refused;
    }
    co_return Read::complete;
}

asio::awaitable<Answer> HttpConnection::answer(const Parser::value_type& request) {
    const Target target = target_of({request.target().data(), request.target().size()});
    const Call call{door_.appliance, door_.role,    target.query,
                    request.body(),  door_.threads, door_.thread_count};
    if (const auto* plain = std::get_if<PlainHandler>(&operation_->handler)) {
        co_return (*plain)(call);
    }
    co_return co_await std::get<SpreadHandler>(operation_->handler)(call);
}

asio::awaitable<bool> HttpConnection::write(Answer answer, bool keep_alive, unsigned version) {
    Response response(static_cast<http::status>(answer.status), version);
    response.set(http::field::content_type, "application/json");
    response.set("X-Request-Id", request_id());
    for (const auto& [name, value] : answer.headers) {
        response.set(name, value);
    }
    response.body() = std::move(answer.body);
    response.keep_alive(keep_alive);
    response.prepare_payload();
    stream_.expires_after(door_.limits.write);
    const auto [error, size] = co_await http::async_write(stream_, response, kUse);
    co_return !error && keep_alive;
}

/// Lets a client that is still sending finish, so that it reads our answer instead of a broken
/// pipe. Bounded.
asio::awaitable<void> HttpConnection::discard_rest() {
    beast::error_code ignored;
    stream_.socket().shutdown(asio::local::stream_protocol::socket::shutdown_send, ignored);
    stream_.expires_after(kDiscardTime);
    buffer_.clear();
    for (std::size_t discarded = 0; discarded < kDiscardBytes;) {
        const auto space = buffer_.prepare(kReadAhead);
        const auto [error, size] = co_await stream_.async_read_some(space, kUse);
        if (error) {
            co_return;
        }
        discarded += size;
    }
}

asio::awaitable<void> HttpConnection::serve() {
    const auto self = shared_from_this();
    for (bool open = true; open;) {
        Parser parser;
        const Read read = co_await read_request(parser);
        if (read == Read::over) {
            break;
        }
        if (read == Read::refused) {
            // What stands in the stream behind a refused header is anybody's guess: answer and
            // close.
            co_await write(std::move(refusal_), false, 11);
            co_await discard_rest();
            break;
        }
        const auto& request = parser.get();
        const bool keep_alive = request.keep_alive() && !door_.draining;
        Answer made = co_await answer(request);
        open = co_await write(std::move(made), keep_alive, request.version());
    }
    beast::error_code ignored;
    stream_.socket().shutdown(asio::local::stream_protocol::socket::shutdown_both, ignored);
    stream_.close();
}

}  // namespace

std::shared_ptr<Connection> Connection::make(Socket socket, Door& door) {
    return std::make_shared<HttpConnection>(std::move(socket), door);
}

}  // namespace clawsigner::daemon
