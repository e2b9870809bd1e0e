#include "daemon/server.h"

#include "daemon/connection.h"
#include "daemon/io_threads.h"
#include "daemon/listener.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <condition_variable>
#include <list>
#include <mutex>
#include <sys/socket.h>
#include <vector>

namespace clawsigner::daemon {
namespace {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;

constexpr auto kUse = asio::as_tuple(asio::use_awaitable);
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

bool signs(Role role) {
    return family_of(role).has_value();
}

/// One socket: its acceptor, its threads, its connections.
class Doorway {
public:
    Doorway(Role role, ListeningSocket& socket, Access& access, const service::Appliance& appliance,
            const Log& log, const Server::Settings& settings)
        : socket_(socket),
          door_{appliance, log, role, access, settings.bounds, settings.limits},
          threads_(signs(role) ? settings.io_threads : 1),
          acceptor_(threads_.executors().front()) {
        door_.threads = threads_.executors();
    }

    Status open() {
        boost::system::error_code error;
        acceptor_.assign(Protocol(), socket_.release_fd(), error);
        if (error) {
            return Error(ErrorCode::io_failed,
                         "cannot serve " + socket_.path().string() + ": " + error.message());
        }
        return Status::done();
    }

    void start() {
        asio::co_spawn(acceptor_.get_executor(), accept(), asio::detached);
        threads_.start();
    }

    void drain() {
        door_.draining = true;
        asio::post(acceptor_.get_executor(), [this] {
            boost::system::error_code closed_already;
            acceptor_.cancel(closed_already);
        });
        const std::lock_guard lock(mutex_);
        for (const auto& connection : connections_) {
            connection->drain();
        }
    }

    /// Until the last connection has gone, or the deadline has come.
    void wait_drained(Deadline deadline) {
        std::unique_lock lock(mutex_);
        gone_.wait_until(lock, deadline, [this] { return closed_ && connections_.empty(); });
    }

    void stop() {
        threads_.stop();
        connections_.clear();  // the rest of their lives is the threads', with their coroutines
    }

private:
    using Socket = Connection::Socket;
    using Connections = std::list<std::shared_ptr<Connection>>;

    asio::awaitable<void> accept();
    asio::awaitable<void> serve(Connections::iterator connection, IoThreads::Share thread);
    void accept_the_waiting();
    void receive(Socket socket, IoThreads::Share thread);
    Connections::iterator keep(std::shared_ptr<Connection> connection) {
        const std::lock_guard lock(mutex_);
        return connections_.insert(connections_.end(), std::move(connection));
    }
    void forget(Connections::iterator connection) {
        const std::lock_guard lock(mutex_);
        connections_.erase(connection);
        gone_.notify_all();
    }

    ListeningSocket& socket_;  // its path, once the acceptor has the descriptor
    std::mutex mutex_;
    std::condition_variable gone_;
    Connections connections_;
    bool closed_ = false;  // no connection comes any more
    Door door_;
    // Goes before the door: with it go the connections that are still held, and they give their
    // places back.
    IoThreads threads_;
    Protocol::acceptor acceptor_;
};

asio::awaitable<void> Doorway::serve(Connections::iterator connection, IoThreads::Share) {
    try {
        co_await (*connection)->serve();
    } catch (const std::exception& error) {  // out of memory, most likely: this client's loss alone
        door_.log.event("connection.failed", Log::Level::error,
                        std::move(claw::JsonWriter().text("reason", error.what())));
    }
    forget(connection);
}

/// A connection is counted, or turned away, before anything of it is read.
void Doorway::receive(Socket socket, IoThreads::Share thread) try {
    auto peer = peer_of(socket.native_handle());
    if (!peer.ok()) {
        door_.log.event("connection.refused", Log::Level::warning,
                        std::move(claw::JsonWriter().text("reason", peer.error().message)));
        return;
    }
    door_.access.follow();  // where the state came to the disk after the answer had gone
    Admission& places = door_.access.allows(door_.role, *peer) ? door_.admission : door_.lobby;
    Admission::Place place = places.connection(peer->uid);
    if (!place) {
        return turn_away(std::move(socket), door_, *peer);
    }
    const IoThreads::Executor executor = *thread;
    const auto kept = keep(Connection::make(std::move(socket), door_,
                                            Caller{std::move(peer).value(), std::move(place)}));
    asio::co_spawn(executor, serve(kept, std::move(thread)), asio::detached);
} catch (const std::exception& error) {
    door_.log.event("connection.failed", Log::Level::error,
                    std::move(claw::JsonWriter().text("reason", error.what())));
}

/// What connected before the door closed is served, too. Shutting a listening socket down refuses
/// whoever comes now and leaves those who wait to be accepted; they are no more than its backlog.
void Doorway::accept_the_waiting() {
    boost::system::error_code error;
    ::shutdown(acceptor_.native_handle(), SHUT_RD);
    acceptor_.non_blocking(true, error);
    for (int waiting = 0; !error && waiting < ListeningSocket::kBacklog; ++waiting) {
        IoThreads::Share thread = threads_.share();
        Socket socket(*thread);
        acceptor_.accept(socket, error);
        if (!error) {
            receive(std::move(socket), std::move(thread));
        }
    }
    acceptor_.close(error);
    const std::lock_guard lock(mutex_);
    closed_ = true;
    gone_.notify_all();
}

asio::awaitable<void> Doorway::accept() {
    asio::steady_timer pause(acceptor_.get_executor());
    while (!door_.draining) {
        IoThreads::Share thread = threads_.share();
        Socket socket(*thread);
        const auto [error] = co_await acceptor_.async_accept(socket, kUse);
        if (!error) {
            receive(std::move(socket), std::move(thread));
        } else if (error != asio::error::operation_aborted) {
            // Out of descriptors, most likely: wait for some to come back.
            door_.log.event("accept.failed", Log::Level::warning,
                            std::move(claw::JsonWriter().text("reason", error.message())));
            pause.expires_after(kAcceptPause);
            co_await pause.async_wait(kUse);
        }
    }
    accept_the_waiting();
}

class SocketServer final : public Server {
public:
    SocketServer(Sockets sockets, const service::Appliance& appliance, const Log& log,
                 const Settings& settings)
        : sockets_(std::move(sockets)),
          access_(settings.access, sockets_.listening, log),
          drain_(settings.drain) {
        for (auto& [role, socket] : sockets_.listening) {
            doorways_.push_back(
                std::make_unique<Doorway>(role, socket, access_, appliance, log, settings));
        }
    }

    ~SocketServer() override {
        for (const auto& doorway : doorways_) {
            doorway->stop();
        }
    }

    SocketServer(const SocketServer&) = delete;
    SocketServer& operator=(const SocketServer&) = delete;

    Status open() {
        for (const auto& doorway : doorways_) {
            CHECK_OK(doorway->open());
        }
        access_.follow();
        for (const auto& doorway : doorways_) {
            doorway->start();
        }
        return Status::done();
    }

    void drain() override {
        for (const auto& doorway : doorways_) {
            doorway->drain();
        }
        const Deadline end = base::deadline_in(drain_);
        for (const auto& doorway : doorways_) {
            doorway->wait_drained(end);
        }
    }

private:
    Sockets sockets_;
    Access access_;
    std::chrono::milliseconds drain_;
    std::vector<std::unique_ptr<Doorway>> doorways_;
};

}  // namespace

Result<Sockets> Sockets::bind(const std::filesystem::path& directory) {
    TRY(DirectoryLock lock, DirectoryLock::take(directory));
    Sockets sockets{std::move(lock), {}};
    for (const Role role : kRoles) {
        TRY(ListeningSocket socket,
            ListeningSocket::at(directory / (std::string(role_name(role)) + ".sock")));
        sockets.listening.emplace_back(role, std::move(socket));
    }
    return sockets;
}

Result<std::unique_ptr<Server>> Server::start(Sockets sockets, const service::Appliance& appliance,
                                              const Log& log, const Settings& settings) {
    auto server = std::make_unique<SocketServer>(std::move(sockets), appliance, log, settings);
    CHECK_OK(server->open());
    return std::unique_ptr<Server>(std::move(server));
}

}  // namespace clawsigner::daemon
