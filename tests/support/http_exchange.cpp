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

/// The client's end, served in turns with the daemon's on one thread.
class Client {
public:
    Client(int fd, std::string_view bytes, bool half_close)
        : fd_(fd), rest_(bytes), half_close_(half_close) {}

    /// Sends and receives what can be without waiting.
    void pump() {
        send_some();
        receive_some();
    }
    std::string received() { return std::move(received_); }

private:
    void send_some() {
        while (!sent_) {
            const ssize_t sent =
                ::send(fd_.get(), rest_.data(), rest_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0 && errno == EAGAIN) {
                return;
            }
            rest_.remove_prefix(sent < 0 ? rest_.size() : static_cast<std::size_t>(sent));
            if (rest_.empty()) {
                sent_ = true;
                if (half_close_) {
                    ::shutdown(fd_.get(), SHUT_WR);
                }
            }
        }
    }
    void receive_some() {
        std::array<char, 65536> some{};
        for (ssize_t got = 0;
             (got = ::recv(fd_.get(), some.data(), some.size(), MSG_DONTWAIT)) > 0;) {
            received_.append(some.data(), static_cast<std::size_t>(got));
        }
    }

    base::UniqueFd fd_;
    std::string_view rest_;
    bool half_close_;
    bool sent_ = false;
    std::string received_;
};

}  // namespace

std::string exchange(const service::Appliance& appliance, daemon::Role role, std::string_view bytes,
                     const ExchangeTerms& terms) {
    std::array<int, 2> pair{};
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
    Client client(pair[0], bytes, terms.half_close);

    asio::io_context context(1);
    const std::array<asio::any_io_executor, 1> threads{context.get_executor()};
    const daemon::Log log(daemon::Log::Level::error);
    const auto table =
        std::make_shared<const policy::RoleTable>(policy::RoleTable{{role, {{1000}, {2000}}}});
    const daemon::ListeningSockets sockets;
    daemon::Access access([&table] { return table; }, sockets, log);
    daemon::Door door{appliance, log, role, access, terms.bounds, terms.limits, threads};
    Socket socket(context, asio::local::stream_protocol(), pair[1]);
    daemon::Peer peer;
    peer.uid = terms.user;
    peer.groups = terms.groups;
    const auto connection =
        daemon::Connection::make(std::move(socket), door, {std::move(peer), {}});
    asio::co_spawn(context, connection->serve(), asio::detached);
    while (!context.stopped()) {
        client.pump();
        if (context.poll() == 0) {
            context.run_one_for(std::chrono::milliseconds(10));
        }
    }
    client.pump();
    return client.received();
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
