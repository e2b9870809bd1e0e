#include "daemon/wire.h"

#include "crypto/random.h"

#include <boost/asio/buffer.hpp>

#include <array>
#include <cstring>
#include <span>

namespace clawsigner::daemon::wire {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr std::size_t kDiscardBytes = 16U << 20U;

}  // namespace

std::string RequestIds::next() {
    const std::span drawn(bytes_.begin(), bytes_.end() - sizeof count_);
    if (count_ == 0 && !crypto::fill_random(drawn).ok()) {
        return "unavailable";
    }
    std::memcpy(bytes_.data() + drawn.size(), &count_, sizeof count_);
    ++count_;
    return base::base64url_encode(bytes_);
}

Target target_of(std::string_view target) {
    const std::size_t mark = target.find('?');
    return mark == std::string_view::npos ? Target{target, {}}
                                          : Target{target.substr(0, mark), target.substr(mark + 1)};
}

Error read_failure(const beast::error_code& error) {
    if (error == http::error::header_limit) {
        return {ErrorCode::too_large, "the request's header has more than 16384 bytes"};
    }
    if (error == http::error::body_limit || error == http::error::buffer_overflow) {
        return {ErrorCode::too_large, "the request's body is too large"};
    }
    return {ErrorCode::bad_request, "not an HTTP/1.1 request: " + error.message()};
}

bool framing_is_plain(const Parser::value_type& request) {
    const auto codings = request.count(http::field::transfer_encoding);
    return codings == 0 || (codings == 1 && request.version() == 11 &&
                            beast::iequals(request[http::field::transfer_encoding], "chunked"));
}

bool peer_is_gone(const beast::error_code& error) {
    return error == http::error::end_of_stream || error == http::error::partial_message ||
           error == asio::error::eof || error == asio::error::connection_reset ||
           error == asio::error::broken_pipe || error == asio::error::operation_aborted;
}

Response response_of(Answer answer, const std::string& id, bool keep_alive, unsigned version) {
    Response response(static_cast<http::status>(answer.status), version);
    response.set(http::field::content_type,
                 boost::beast::string_view(answer.content_type.data(), answer.content_type.size()));
    response.set("X-Request-Id", id);
    for (const auto& [name, value] : answer.headers) {
        response.set(name, value);
    }
    response.body() = std::move(answer.body);
    response.keep_alive(keep_alive);
    response.prepare_payload();
    return response;
}

asio::awaitable<void> discard(Connection::Socket& socket) {
    beast::error_code ignored;
    socket.shutdown(Connection::Socket::shutdown_send, ignored);
    std::array<char, 4096> some{};
    for (std::size_t discarded = 0; discarded < kDiscardBytes;) {
        const auto [error, size] = co_await socket.async_read_some(asio::buffer(some), kUse);
        if (error) {
            co_return;
        }
        discarded += size;
    }
}

}  // namespace clawsigner::daemon::wire
