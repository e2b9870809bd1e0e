#include "daemon/io_threads.h"

#include "daemon/fan_out.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <vector>

using namespace clawsigner;
using daemon::Chunks;
using daemon::IoThreads;

namespace {

constexpr auto kPatience = std::chrono::seconds(20);

}  // namespace

TEST_CASE("IoThreads: a connection goes to the thread that has the fewest") {
    IoThreads threads(2);
    const IoThreads::Share first = threads.share();
    IoThreads::Share second = threads.share();
    REQUIRE(*first != *second);

    const auto freed = *second;
    second.reset();
    REQUIRE(*threads.share() == freed);
}

TEST_CASE("fan_out: every element is worked on once, on several threads") {
    IoThreads threads(3);
    threads.start();
    std::vector<std::atomic<int>> times(1000);

    auto done = boost::asio::co_spawn(threads.executors().front(),
                                      daemon::fan_out(threads.executors(), Chunks{1000, 7},
                                                      [&](std::size_t from, std::size_t to) {
                                                          for (; from < to; ++from) {
                                                              ++times[from];
                                                          }
                                                      }),
                                      boost::asio::use_future);

    REQUIRE(done.wait_for(kPatience) == std::future_status::ready);
    for (const auto& count : times) {
        REQUIRE(count == 1);
    }
}

TEST_CASE("fan_out: a thread that is stuck with other work is not waited for") {
    IoThreads threads(2);
    threads.start();
    std::promise<void> release;
    boost::asio::post(threads.executors().back(),
                      [until = release.get_future().share()] { until.wait(); });
    std::atomic<std::size_t> worked{0};

    auto done = boost::asio::co_spawn(
        threads.executors().front(),
        daemon::fan_out(threads.executors(), Chunks{100, 8},
                        [&](std::size_t from, std::size_t to) { worked += to - from; }),
        boost::asio::use_future);
    const auto ended = done.wait_for(kPatience);
    release.set_value();

    REQUIRE(ended == std::future_status::ready);
    REQUIRE(worked == 100);
}
