#include "daemon/server.h"

#include "daemon/connection.h"
#include "daemon/listener.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

namespace clawsigner::daemon {
namespace {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;

constexpr auto kUse = asio::as_tuple(asio::use_awaitable);
constexpr auto kAcceptPause = std::chrono::milliseconds(100);
constexpr auto kDrainPoll = std::chrono::milliseconds(10);

/// One socket: its acceptor, its threads, its connections.
class Doorway {
public:
    Doorway(Role role, ListeningSocket socket, unsigned threads,
            const service::Appliance& appliance, const Log& log)
        : socket_(std::move(socket)),
          context_(static_cast<int>(threads)),
          acceptor_(asio::make_strand(context_)),
          door_{appliance, log, role, context_.get_executor(), threads, {}, {}} {}

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
        for (unsigned i = 0; i < door_.thread_count; ++i) {
            threads_.emplace_back([this] { context_.run(); });
        }
    }

    /// Takes no new connection, lets those between two requests go, and the others after their
    /// answer.
    void drain() {
        door_.draining = true;
        asio::post(acceptor_.get_executor(), [this] { acceptor_.close(); });
        const std::lock_guard lock(mutex_);
        for (const auto& connection : connections_) {
            connection->drain();
        }
    }

    bool drained() const {
        const std::lock_guard lock(mutex_);
        return connections_.empty();
    }

    void stop() {
        context_.stop();
        for (std::thread& thread : threads_) {
            thread.join();
        }
    }

private:
    using Connections = std::list<std::shared_ptr<Connection>>;

    asio::awaitable<void> accept();
    asio::awaitable<void> serve(Connections::iterator connection);
    Connections::iterator keep(std::shared_ptr<Connection> connection) {
        const std::lock_guard lock(mutex_);
        return connections_.insert(connections_.end(), std::move(connection));
    }
    void forget(Connections::iterator connection) {
        const std::lock_guard lock(mutex_);
        connections_.erase(connection);
    }

    ListeningSocket socket_;  // its path, once the acceptor has the descriptor
    asio::io_context context_;
    Protocol::acceptor acceptor_;
    Door door_;
    mutable std::mutex mutex_;
    Connections connections_;
    std::vector<std::thread> threads_;
};

asio::awaitable<void> Doorway::serve(Connections::iterator connection) {
    co_await (*connection)->serve();
    forget(connection);
}

asio::awaitable<void> Doorway::accept() {
    asio::steady_timer pause(acceptor_.get_executor());
    while (acceptor_.is_open()) {
        auto strand = asio::make_strand(context_);
        auto [error, socket] = co_await acceptor_.async_accept(strand, kUse);
        if (error == asio::error::operation_aborted) {
            co_return;
        }
        if (error) {  // out of descriptors, most likely: wait for some to come back
            door_.log.event("accept.failed", Log::Level::warning,
                            std::move(claw::JsonWriter().text("reason", error.message())));
            pause.expires_after(kAcceptPause);
            co_await pause.async_wait(kUse);
            continue;
        }
        const auto kept = keep(Connection::make(std::move(socket), door_));
        asio::co_spawn(strand, serve(kept), asio::detached);
    }
}

class SocketServer final : public Server {
public:
    SocketServer(Sockets sockets, const service::Appliance& appliance, const Log& log,
                 Settings settings)
        : lock_(std::move(sockets.lock)),
          settings_(settings),
          proxy_(Role::proxy, std::move(sockets.proxy), std::max(settings_.io_threads, 1U),
                 appliance, log),
          admin_(Role::admin, std::move(sockets.admin), 1, appliance, log) {}

    ~SocketServer() override {
        for (Doorway* doorway : doorways()) {
            doorway->stop();
        }
    }

    SocketServer(const SocketServer&) = delete;
    SocketServer& operator=(const SocketServer&) = delete;

    Status open() {
        for (Doorway* doorway : doorways()) {
            CHECK_OK(doorway->open());
        }
        for (Doorway* doorway : doorways()) {
            doorway->start();
        }
        return Status::done();
    }

    void drain() override {
        for (Doorway* doorway : doorways()) {
            doorway->drain();
        }
        const auto end = std::chrono::steady_clock::now() + settings_.drain;
        const auto all = doorways();
        const auto drained = [](const Doorway* doorway) { return doorway->drained(); };
        while (!std::ranges::all_of(all, drained) && std::chrono::steady_clock::now() < end) {
            std::this_thread::sleep_for(kDrainPoll);
        }
    }

private:
    std::array<Doorway*, 2> doorways() { return {&proxy_, &admin_}; }

    DirectoryLock lock_;
    Settings settings_;
    Doorway proxy_;
    Doorway admin_;
};

}  // namespace

Result<Sockets> Sockets::bind(const std::filesystem::path& directory) {
    const auto path_of = [&](Role role) {
        return directory / (std::string(role_name(role)) + ".sock");
    };
    TRY(DirectoryLock lock, DirectoryLock::take(directory));
    TRY(ListeningSocket proxy, ListeningSocket::at(path_of(Role::proxy)));
    TRY(ListeningSocket admin, ListeningSocket::at(path_of(Role::admin)));
    return Sockets{std::move(lock), std::move(proxy), std::move(admin)};
}

Result<std::unique_ptr<Server>> Server::start(Sockets sockets, const service::Appliance& appliance,
                                              const Log& log, Settings settings) {
    auto server = std::make_unique<SocketServer>(std::move(sockets), appliance, log, settings);
    CHECK_OK(server->open());
    return std::unique_ptr<Server>(std::move(server));
}

}  // namespace clawsigner::daemon
