#include "daemon/io_threads.h"

#include <algorithm>

namespace clawsigner::daemon {

IoThreads::IoThreads(unsigned count) {
    for (unsigned i = 0; i < std::max(count, 1U); ++i) {
        contexts_.push_back(std::make_unique<boost::asio::io_context>(1));
        executors_.emplace_back(contexts_.back()->get_executor());
        shares_.push_back(std::make_shared<const Executor>(executors_.back()));
    }
}

IoThreads::~IoThreads() {
    stop();
    // In this order: what waits on the first thread to be accepted may be meant for another one.
    for (auto& context : contexts_) {
        context.reset();
    }
}

void IoThreads::start() {
    for (auto& context : contexts_) {
        threads_.emplace_back([&context] {
            const auto kept_running = boost::asio::make_work_guard(*context);
            context->run();
        });
    }
}

void IoThreads::stop() {
    for (auto& context : contexts_) {
        context->stop();
    }
    for (std::thread& thread : threads_) {
        thread.join();
    }
    threads_.clear();
}

IoThreads::Share IoThreads::share() const {
    return *std::ranges::min_element(shares_, {}, &Share::use_count);
}

}  // namespace clawsigner::daemon
