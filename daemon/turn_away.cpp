#include "daemon/answers.h"
#include "daemon/connection.h"
#include "daemon/watchdog.h"
#include "daemon/wire.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/beast/http.hpp>

namespace clawsigner::daemon {
namespace {

/// A client that was told to come back later, while it reads that.
struct TurnedAway {
    TurnedAway(Connection::Socket s, Admission::Place p)
        : socket(std::move(s)), place(std::move(p)) {}

    Connection::Socket socket;
    Admission::Place place;
    Watchdog watchdog{socket};
};

boost::asio::awaitable<void> see_out(std::shared_ptr<TurnedAway> client) {
    client->watchdog.start(wire::kDiscardTime, client);
    co_await wire::discard(client->socket);
    client->watchdog.stop();
}

}  // namespace

void turn_away(Connection::Socket socket, Door& door, const Peer& peer) {
    const Answer answer =
        error_answer(Error(ErrorCode::queue_full, "too many connections; come back later"));
    // A fresh socket's buffer takes all of it at once.
    boost::beast::error_code ignored;
    socket.non_blocking(true, ignored);
    boost::beast::http::write(
        socket, wire::response_of(answer, wire::RequestIds().next(), false, 11), ignored);
    if (const auto left_out = door.log_budget.take()) {
        door.log.event("connection.refused", Log::Level::warning,
                       std::move(claw::JsonWriter()
                                     .text("role", role_name(door.role))
                                     .text("code", answer.code)
                                     .integer("uid", peer.uid)
                                     .integer("left_out", static_cast<std::int64_t>(*left_out))));
    }
    auto place = door.lobby.connection(peer.uid);
    if (!place) {
        return;
    }
    const auto executor = socket.get_executor();
    auto client = std::make_shared<TurnedAway>(std::move(socket), std::move(place));
    boost::asio::co_spawn(executor, see_out(std::move(client)), boost::asio::detached);
}

}  // namespace clawsigner::daemon
