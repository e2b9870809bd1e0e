#include "cli/client.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <chrono>
#include <optional>

namespace clawsigner::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Protocol = asio::local::stream_protocol;

constexpr auto kPatience = std::chrono::seconds(30);
constexpr std::size_t kMaxReply = 64U << 20U;

Error unreachable(const std::filesystem::path& socket, std::string_view why) {
    return {
        ErrorCode::unreachable,
        "no answer on " + socket.string() + ": " + std::string(why) +
            ". Is clawsignerd running, and may you use its socket? (--socket PATH names another)"};
}

/// Runs one asynchronous step to its end; basic_stream's deadline only holds for asynchronous ones.
template <class Start>
beast::error_code run(asio::io_context& context, Start start) {
    beast::error_code outcome = asio::error::operation_aborted;
    start([&](const beast::error_code& error, auto...) { outcome = error; });
    context.restart();
    context.run();
    return outcome;
}

}  // namespace

Result<Reply> request(const std::filesystem::path& socket, std::string_view method,
                      std::string_view target, std::string_view body) {
    if (socket.native().size() > 107) {
        return unreachable(socket, "the path is longer than the 107 bytes Linux takes");
    }
    asio::io_context context(1);
    beast::basic_stream<Protocol> stream(context);
    beast::error_code error;
    stream.socket().connect(Protocol::endpoint(socket.native()), error);
    if (error) {
        return unreachable(socket, error.message());
    }
    http::request<http::string_body> message(
        http::string_to_verb(beast::string_view(method.data(), method.size())),
        beast::string_view(target.data(), target.size()), 11);
    message.set(http::field::host, "clawsigner");
    message.body() = body;
    message.prepare_payload();
    message.keep_alive(false);
    stream.expires_after(kPatience);
    error = run(context, [&](auto done) { http::async_write(stream, message, done); });
    if (error) {
        return unreachable(socket, error.message());
    }
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kMaxReply);
    error = run(context, [&](auto done) { http::async_read(stream, buffer, parser, done); });
    if (error) {
        return unreachable(socket, error.message());
    }
    return Reply{parser.get().result_int(), std::move(parser.get().body())};
}

}  // namespace clawsigner::cli
