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

/// Never expires; the last chunk cancels it, on the executor of the coroutine that waits for it.
using Done = asio::steady_timer;

class Spread : public std::enable_shared_from_this<Spread> {
public:
    Spread(Chunks chunks, Work work, Done& done)
        : chunks_(chunks), work_(std::move(work)), done_(done), left_(chunks.count) {}

    void start(std::span<const asio::any_io_executor> threads) {
        const std::size_t needed = (chunks_.count + chunks_.size - 1) / chunks_.size;
        for (const auto& thread : threads.first(std::min(threads.size(), needed))) {
            post_step(thread);
        }
    }

private:
    void post_step(const asio::any_io_executor& thread) {
        asio::post(thread, [self = shared_from_this(), &thread] { self->step(thread); });
    }

    /// A thread that comes here when everything is taken already finds nothing to do; nobody has
    /// waited for it.
    void step(const asio::any_io_executor& thread) {
        const std::size_t from = next_.fetch_add(chunks_.size);
        if (from >= chunks_.count) {
            return;
        }
        const std::size_t to = std::min(from + chunks_.size, chunks_.count);
        work_(from, to);
        if (left_.fetch_sub(to - from) == to - from) {
            asio::post(done_.get_executor(), [self = shared_from_this()] { self->done_.cancel(); });
        } else {
            post_step(thread);
        }
    }

    Chunks chunks_;
    Work work_;
    Done& done_;  // the coroutine's, which lives until it was cancelled
    std::atomic<std::size_t> next_{0};
    std::atomic<std::size_t> left_;
};

}  // namespace

asio::awaitable<void> fan_out(std::span<const asio::any_io_executor> threads, Chunks chunks,
                              Work work) {
    if (chunks.count == 0) {
        co_return;
    }
    Done done(co_await asio::this_coro::executor, Done::time_point::max());
    std::make_shared<Spread>(chunks, std::move(work), done)->start(threads);
    // The cancellation is posted to this coroutine's executor, so it cannot come before the wait
    // has begun.
    co_await done.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace clawsigner::daemon
