#include "daemon/recording.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <thread>
#include <utility>

namespace clawsigner::daemon {
namespace {

namespace asio = boost::asio;

constexpr auto kUse = asio::as_tuple(asio::use_awaitable);

/// A coroutine that waits for the ledger's thread. `done` and the timer belong to the coroutine's
/// executor.
struct Waiting {
    explicit Waiting(const asio::any_io_executor& executor) : timer(executor) {}

    asio::steady_timer timer;
    bool done = false;
};

/// What the ledger's thread calls. A ledger that answers while it is being asked needs no hop.
std::function<void()> telling(const std::shared_ptr<Waiting>& waiting) {
    return [waiting, asking = std::this_thread::get_id()] {
        if (std::this_thread::get_id() == asking) {
            waiting->done = true;
            return;
        }
        asio::post(waiting->timer.get_executor(), [waiting] {
            waiting->done = true;
            waiting->timer.cancel();
        });
    };
}

}  // namespace

asio::awaitable<std::vector<ledger::Outcome>> recorded(ledger::Log& log,
                                                       std::vector<ledger::Entry> entries,
                                                       std::chrono::milliseconds deadline) {
    const std::size_t count = entries.size();
    if (count == 0) {
        co_return std::vector<ledger::Outcome>();
    }
    const auto executor = co_await asio::this_coro::executor;
    const auto waiting = std::make_shared<Waiting>(executor);
    const auto submission =
        std::make_shared<ledger::Submission>(std::move(entries), telling(waiting));
    waiting->timer.expires_after(deadline);
    log.submit(submission);
    if (!waiting->done) {
        co_await waiting->timer.async_wait(kUse);
    }
    if (waiting->done) {
        co_return submission->outcomes();
    }
    submission->abandon();
    const Error late(ErrorCode::ledger_blocked, "the ledger's disk did not answer in time");
    co_return std::vector<ledger::Outcome>(count, late);
}

}  // namespace clawsigner::daemon
