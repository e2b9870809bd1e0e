#include "support/http_exchange.h"

#include "base/handle.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <charconv>
#include <cstdlib>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace clawsigner::tests {
namespace {

namespace asio = boost::asio;
using Socket = daemon::Connection::Socket;

void require(bool good) {
    if (!good) {
        std::abort();
    }
}

void send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            return;  // the daemon has closed: it is allowed to
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

std::string receive_all(int fd) {
    std::string bytes;
    std::array<char, 65536> some{};
    for (ssize_t got = 0; (got = ::read(fd, some.data(), some.size())) > 0;) {
        bytes.append(some.data(), static_cast<std::size_t>(got));
    }
    return bytes;
}

}  // namespace

std::string exchange(const service::Appliance& appliance, daemon::Role role,
                     std::string_view bytes) {
    std::array<int, 2> pair{};
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
    base::UniqueFd client(pair[0]);

    asio::io_context context(1);
    const daemon::Log log(daemon::Log::Level::error);
    daemon::Door door{appliance, log, role, context.get_executor(), 1, {}, {}};
    Socket socket(context, asio::local::stream_protocol(), pair[1]);
    const auto connection = daemon::Connection::make(std::move(socket), door);
    asio::co_spawn(context, connection->serve(), asio::detached);

    std::thread daemon_thread([&] { context.run(); });
    std::thread sender([&] {
        send_all(client.get(), bytes);
        ::shutdown(client.get(), SHUT_WR);
    });
    std::string answer = receive_all(client.get());
    sender.join();
    daemon_thread.join();
    return answer;
}

std::vector<HttpReply> replies_in(std::string_view bytes) {
    std::vector<HttpReply> replies;
    while (!bytes.empty()) {
        const std::size_t end = bytes.find("\r\n\r\n");
        require(end != std::string_view::npos && bytes.starts_with("HTTP/1."));
        HttpReply reply;
        reply.head = bytes.substr(0, end);
        std::from_chars(bytes.data() + 9, bytes.data() + 12, reply.status);
        bytes.remove_prefix(end + 4);
        const std::string_view name = "Content-Length: ";
        const std::size_t at = reply.head.find(name);
        std::size_t length = 0;
        if (at != std::string::npos) {
            std::from_chars(reply.head.data() + at + name.size(),
                            reply.head.data() + reply.head.size(), length);
        }
        require(length <= bytes.size());
        reply.body = bytes.substr(0, length);
        bytes.remove_prefix(length);
        replies.push_back(std::move(reply));
    }
    return replies;
}

}  // namespace clawsigner::tests
