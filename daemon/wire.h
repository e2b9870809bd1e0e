#pragma once

#include "base/error.h"
#include "daemon/connection.h"
#include "daemon/http.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

/// HTTP as it stands on the wire, in Beast's types. Only the files that speak to a socket include
/// this.
namespace clawsigner::daemon::wire {

using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
using Response = boost::beast::http::response<boost::beast::http::string_body>;

inline constexpr auto kUse = boost::asio::as_tuple(boost::asio::use_awaitable);
inline constexpr std::uint32_t kMaxHeader = 16'384;
/// How long a client that is let go may take to hear why.
inline constexpr auto kDiscardTime = std::chrono::seconds(2);

/// The names of one connection's requests, by which log lines and answers speak of them.
class RequestIds {
public:
    /// Twelve characters: a random number, drawn anew for each 65,536 requests, and a count. Random
    /// bytes for each request would cost as much as parsing it.
    std::string next();

private:
    std::array<std::uint8_t, 9> bytes_{};
    std::uint16_t count_ = 0;  // the last two of them
};

struct Target {
    std::string_view path;
    std::string_view query;
};

Target target_of(std::string_view target);

/// What a client is told of a request that could not be read.
Error read_failure(const boost::beast::error_code& error);

/// Beast takes a coding it does not know for none at all, and what follows for another request.
bool framing_is_plain(const Parser::value_type& request);

/// Errors after which nobody is there to answer.
bool peer_is_gone(const boost::beast::error_code& error);

/// The answer with its headers, ready to be written.
Response response_of(Answer answer, const std::string& id, bool keep_alive, unsigned version);

/// Says that nothing more comes from us, and reads what the client still sends: bounded in bytes,
/// and in time by whoever cancels.
boost::asio::awaitable<void> discard(Connection::Socket& socket);

}  // namespace clawsigner::daemon::wire
