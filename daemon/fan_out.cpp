#include "daemon/fan_out.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

namespace clawsigner::daemon {
namespace {

namespace asio = boost::asio;
using Work = std::function<void(std::size_t, std::size_t)>;

/// Never expires; the last worker cancels it, on the executor of the coroutine that waits for it.
using Done = asio::steady_timer;

class Spread : public std::enable_shared_from_this<Spread> {
public:
    Spread(asio::any_io_executor threads, Chunks chunks, Work work, Done& done)
        : threads_(std::move(threads)), chunks_(chunks), work_(std::move(work)), done_(done) {}

    void start() {
        const std::size_t needed = (chunks_.count + chunks_.size - 1) / chunks_.size;
        const auto workers =
            static_cast<unsigned>(std::min<std::size_t>(std::max(chunks_.width, 1U), needed));
        running_ = workers;
        for (unsigned i = 0; i < workers; ++i) {
            post_step();
        }
    }

private:
    void post_step() {
        asio::post(threads_, [self = shared_from_this()] { self->step(); });
    }

    void step() {
        const std::size_t from = next_.fetch_add(chunks_.size);
        if (from < chunks_.count) {
            work_(from, std::min(from + chunks_.size, chunks_.count));
            post_step();
        } else if (running_.fetch_sub(1) == 1) {
            asio::post(done_.get_executor(), [self = shared_from_this()] { self->done_.cancel(); });
        }
    }

    asio::any_io_executor threads_;
    Chunks chunks_;
    Work work_;
    Done& done_;  // the coroutine's, which lives until it was cancelled
    std::atomic<std::size_t> next_{0};
    std::atomic<unsigned> running_{0};
};

}  // namespace

asio::awaitable<void> fan_out(asio::any_io_executor threads, Chunks chunks, Work work) {
    if (chunks.count == 0) {
        co_return;
    }
    Done done(co_await asio::this_coro::executor, Done::time_point::max());
    std::make_shared<Spread>(std::move(threads), chunks, std::move(work), done)->start();
    // The cancellation is posted to this coroutine's executor, so it cannot come before the wait
    // has begun.
    co_await done.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace clawsigner::daemon
