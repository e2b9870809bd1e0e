#pragma once

#include "base/clock.h"
#include "base/result.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace clawsigner::tpm {

class Device;

/// Who is served first. Each lane has its own bound, so that one that is full leaves the others
/// room.
enum class Lane : std::uint8_t {
    first,   // tokens
    middle,  // everything else
    last,    // receipts
};

/// The thread that owns the TPM, and the lanes that lead to it. One call is made at a time.
///
/// A call into the TPM's stack cannot be cancelled. One that takes longer than it may is left to
/// itself: nobody waits for it any more, nothing it may still answer is used, this owner takes no
/// more calls, and the thread ends when the call does, if ever. Thread-safe.
class Owner {
public:
    /// The device, once it is open; empty before.
    using Slot = std::unique_ptr<Device>;

    struct Limits {
        std::size_t lane = 32;                 // calls that may wait in one lane
        std::chrono::milliseconds stop{2000};  // for a call under way at the end
    };

    explicit Owner(Limits limits);
    ~Owner() { stop(); }
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;

    /// What `work` returns, done on the TPM's thread. `work` must hold whatever it uses: it may
    /// outlive the call. `longest` is how long it may take once it has begun. Errors: queue_full,
    /// with when to ask again, when the lane is full or its turn would come, or has come, too late;
    /// hsm_down, when it takes too long; as `work`.
    template <class T>
    Result<T> call(Lane lane, Deadline deadline, std::chrono::milliseconds longest,
                   std::function<Result<T>(Slot&)> work) {
        const auto job = std::make_shared<TypedJob<T>>(lane, deadline, longest, std::move(work));
        CHECK_OK(perform(job));
        return std::move(job->result);
    }

    /// Has a call been left to itself?
    bool hangs() const { return *left_; }
    /// As hangs(), for whoever is left.
    std::shared_ptr<const std::atomic<bool>> fence() const { return left_; }
    /// Ends it: the device is closed when it returns, or its call left to itself. Nobody calls it
    /// any more with success.
    void stop();
    /// How many calls wait for their turn.
    std::size_t waiting() const;
    /// Is its thread still there? Outlives the owner.
    std::function<bool()> still_there() const;

private:
    enum class JobState : std::uint8_t { waiting, running, done, dropped };
    struct Job {
        Job(Lane in, Deadline by, std::chrono::milliseconds at_most)
            : lane(in), deadline(by), longest(at_most) {}
        virtual ~Job() = default;
        Job(const Job&) = delete;
        Job& operator=(const Job&) = delete;
        virtual void run(Slot& slot) = 0;

        const Lane lane;
        const Deadline deadline;
        const std::chrono::milliseconds longest;
        JobState state = JobState::waiting;  // under Shared::mutex
        std::condition_variable settled;
    };
    template <class T>
    struct TypedJob final : Job {
        TypedJob(Lane in, Deadline by, std::chrono::milliseconds at_most,
                 std::function<Result<T>(Slot&)> what)
            : Job(in, by, at_most), work(std::move(what)) {}
        void run(Slot& slot) override { result = work(slot); }
        std::function<Result<T>(Slot&)> work;
        Result<T> result;  // the thread's until it is done, then the caller's
    };
    struct Shared;

    Status perform(const std::shared_ptr<Job>& job);
    static void serve(const std::shared_ptr<Shared>& shared);

    std::shared_ptr<std::atomic<bool>> left_ = std::make_shared<std::atomic<bool>>(false);
    std::shared_ptr<Shared> shared_;
    std::mutex stopping_;
    std::thread thread_;
};

}  // namespace clawsigner::tpm
