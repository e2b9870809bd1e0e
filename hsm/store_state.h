#pragma once

#include "base/clock.h"
#include "hsm/backend.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace clawsigner::hsm {

/// How a store is, since when and why, kept by its backend: for whoever asks, for the observer,
/// and for the thread that opens the store, which waits on it. Thread-safe.
class StoreState {
public:
    /// Begins as `opening`. `clock` outlives it.
    StoreState(StateObserver on_change, const Clock& clock);
    StoreState(const StoreState&) = delete;
    StoreState& operator=(const StoreState&) = delete;
    ~StoreState() = default;

    BackendStatus status() const;
    /// Takes no lock: the data path asks it for every signature.
    bool ready() const noexcept { return ready_; }

    /// Does nothing when it is in another state than `only_from`. The observer hears of changes in
    /// their order, and of nothing that changes neither state nor reason.
    void set(BackendState state, std::optional<Error> why,
             std::optional<BackendState> only_from = std::nullopt);
    /// Only a store that serves can fall from grace: news of its past must not wake one that is
    /// held.
    void suspect(const Error& why) { set(BackendState::suspect, why, BackendState::ready); }
    /// What it is (BackendStatus::device), which is no change of state.
    void describe(std::string device);

    /// Waits while there is nothing to open: it is ready, or held. False when it is to stop.
    bool wait_until_wanted();
    /// Lets `time` pass. False when it is to stop, at once.
    bool pause(std::chrono::milliseconds time);
    /// The status when it is no longer `opening`, or that of the deadline.
    BackendStatus wait_while_opening(Deadline deadline);

    /// Ends the waiting of the thread that opens the store.
    void stop();
    bool stopping() const noexcept { return stop_.stop_requested(); }
    std::stop_token stop_token() const noexcept { return stop_.get_token(); }

private:
    std::atomic<bool> ready_{false};
    std::mutex telling_;  // held while the observer is told, so that it hears in order
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    BackendStatus status_;
    std::stop_source stop_;  // asked to under mutex_, for who waits on changed_
    const StateObserver on_change_;
    const Clock& clock_;
};

}  // namespace clawsigner::hsm
