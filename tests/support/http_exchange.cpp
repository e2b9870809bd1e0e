#include "support/http_exchange.h"

#include "base/handle.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <charconv>
#include <cstdlib>
#include <optional>
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
    Client(int fd, std::string_view bytes, const ExchangeTerms& terms)
        : fd_(fd), rest_(bytes), terms_(terms) {}

    /// Sends and receives what can be without waiting.
    void pump() {
        send_some();
        receive_some();
    }
    std::string received() { return std::move(received_); }
    bool is_answered() const { return !received_.empty(); }

private:
    void send_some() {
        while (!sent_) {
            const std::string_view piece = rest_.substr(0, terms_.piece);
            const ssize_t sent =
                ::send(fd_.get(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0 && errno == EAGAIN) {
                return;
            }
            rest_.remove_prefix(sent < 0 ? rest_.size() : static_cast<std::size_t>(sent));
            if (rest_.empty()) {
                sent_ = true;
                if (terms_.half_close) {
                    ::shutdown(fd_.get(), SHUT_WR);
                }
            }
            if (terms_.piece != SIZE_MAX) {
                return;
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
    const ExchangeTerms& terms_;
    bool sent_ = false;
    std::string received_;
};

/// A door and the one thread that serves it.
class Doorstep {
public:
    Doorstep(const service::Appliance& appliance, daemon::Role role, const ExchangeTerms& terms)
        : terms_(terms),
          table_(std::make_shared<const policy::RoleTable>(
              policy::RoleTable{{role, {{1000}, {2000}}}})),
          door_{appliance, log_, role, access_, terms.bounds, terms.limits, threads_} {}

    /// Somebody who has connected.
    Client client(std::string_view bytes) {
        std::array<int, 2> pair{};
        require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
        daemon::Peer peer;
        peer.uid = terms_.user;
        peer.groups = terms_.groups;
        connections_.push_back(
            daemon::Connection::make(Socket(context_, asio::local::stream_protocol(), pair[1]),
                                     door_, {std::move(peer), {}}));
        asio::co_spawn(context_, connections_.back()->serve(), asio::detached);
        return {pair[0], bytes, terms_};
    }

    asio::io_context& context() { return context_; }

private:
    const ExchangeTerms& terms_;
    asio::io_context context_{1};
    const std::array<asio::any_io_executor, 1> threads_{context_.get_executor()};
    const daemon::Log log_{daemon::Log::Level::error};
    const std::shared_ptr<const policy::RoleTable> table_;
    const daemon::ListeningSockets sockets_;
    daemon::Access access_{[this] { return table_; }, sockets_, log_};
    daemon::Door door_;
    std::vector<std::shared_ptr<daemon::Connection>> connections_;
};

}  // namespace

std::string exchange(const service::Appliance& appliance, daemon::Role role, std::string_view bytes,
                     const ExchangeTerms& terms) {
    Doorstep doorstep(appliance, role, terms);
    Client client = doorstep.client(bytes);
    while (!doorstep.context().stopped()) {
        client.pump();
        if (doorstep.context().poll() == 0) {
            doorstep.context().run_one_for(std::chrono::milliseconds(10));
        }
    }
    client.pump();
    return client.received();
}

std::string first_when_second_is_done(const service::Appliance& appliance, daemon::Role role,
                                      std::string_view first, std::string_view second) {
    const ExchangeTerms terms;
    Doorstep doorstep(appliance, role, terms);
    Client one = doorstep.client(first);
    Client two = doorstep.client(second);
    std::optional<std::string> before;
    while (!doorstep.context().stopped()) {
        one.pump();
        two.pump();
        if (two.is_answered() && !before) {
            before = one.received();
        }
        doorstep.context().run_one_for(std::chrono::milliseconds(10));
    }
    return before.value_or("");
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
