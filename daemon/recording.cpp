#include "daemon/recording.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <mutex>
#include <thread>
#include <utility>

namespace clawsigner::daemon {
namespace {

namespace asio = boost::asio;

constexpr auto kUse = asio::as_tuple(asio::use_awaitable);

/// What a waiting coroutine and the ledger's thread share. The timer is the coroutine's: a frame
/// that is destroyed, as an io_context does at its own end, takes it along, however long the ledger
/// keeps what it was given to call.
struct Waiting {
    std::mutex mutex;
    asio::steady_timer* timer = nullptr;  // null: nobody waits any more
    bool done = false;
};

/// The coroutine's end of it.
class Wait {
public:
    explicit Wait(const asio::any_io_executor& executor) : timer_(executor) {
        waiting_->timer = &timer_;
    }
    ~Wait() {
        const std::lock_guard lock(waiting_->mutex);
        waiting_->timer = nullptr;
    }
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;

    asio::steady_timer& timer() { return timer_; }
    const std::shared_ptr<Waiting>& shared() const { return waiting_; }
    bool is_done() const {
        const std::lock_guard lock(waiting_->mutex);
        return waiting_->done;
    }

private:
    asio::steady_timer timer_;
    std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
};

void wake(Waiting& waiting) {
    const std::lock_guard lock(waiting.mutex);
    waiting.done = true;
    if (waiting.timer != nullptr) {
        waiting.timer->cancel();
    }
}

/// What the ledger's thread calls. A ledger that answers while it is being asked needs no hop.
/// While somebody waits the executor lives, so it is asked under the lock.
std::function<void()> telling(const std::shared_ptr<Waiting>& waiting) {
    return [waiting, asking = std::this_thread::get_id()] {
        const std::lock_guard lock(waiting->mutex);
        if (std::this_thread::get_id() == asking) {
            waiting->done = true;
        } else if (waiting->timer != nullptr) {
            asio::post(waiting->timer->get_executor(), [waiting] { wake(*waiting); });
        }
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
    Wait wait(executor);
    const auto submission =
        std::make_shared<ledger::Submission>(std::move(entries), telling(wait.shared()));
    wait.timer().expires_after(deadline);
    log.submit(submission);
    if (!wait.is_done()) {
        co_await wait.timer().async_wait(kUse);
    }
    if (wait.is_done()) {
        co_return submission->outcomes();
    }
    submission->abandon();
    const Error late(ErrorCode::ledger_blocked, "the ledger's disk did not answer in time");
    co_return std::vector<ledger::Outcome>(count, late);
}

}  // namespace clawsigner::daemon
