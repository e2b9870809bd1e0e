#include "hsm/store_state.h"

#include <utility>

namespace clawsigner::hsm {
namespace {

std::string message_of(const std::optional<Error>& error) {
    return error ? error->message : std::string();
}

}  // namespace

StoreState::StoreState(StateObserver on_change, const Clock& clock)
    : on_change_(std::move(on_change)), clock_(clock) {
    status_.state = BackendState::opening;
    status_.since = clock.now();
}

BackendStatus StoreState::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

void StoreState::set(BackendState state, std::optional<Error> why,
                     std::optional<BackendState> only_from) {
    const std::lock_guard in_order(telling_);
    BackendStatus changed;
    {
        const std::lock_guard lock(mutex_);
        if (only_from && status_.state != *only_from) {
            return;
        }
        const bool news = status_.state != state || message_of(status_.why) != message_of(why);
        if (status_.state != state) {
            status_.since = clock_.now();
        }
        status_.state = state;
        status_.why = std::move(why);
        ready_ = state == BackendState::ready;
        if (!news) {
            return;
        }
        changed = status_;
    }
    changed_.notify_all();
    if (on_change_) {
        on_change_(changed);
    }
}

void StoreState::describe(std::string device) {
    const std::lock_guard lock(mutex_);
    status_.device = std::move(device);
}

bool StoreState::wait_until_wanted() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] {
        return stopping() ||
               (status_.state != BackendState::ready && status_.state != BackendState::held);
    });
    return !stopping();
}

bool StoreState::pause(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, time, [this] { return stopping(); });
}

BackendStatus StoreState::wait_while_opening(Deadline deadline) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, deadline, [this] { return status_.state != BackendState::opening; });
    return status_;
}

void StoreState::stop() {
    {
        const std::lock_guard lock(mutex_);
        stop_.request_stop();
    }
    changed_.notify_all();
}

}  // namespace clawsigner::hsm
