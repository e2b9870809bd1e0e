#include "tpm/owner.h"

#include "tpm/device.h"

#include <algorithm>
#include <atomic>

namespace clawsigner::tpm {
namespace {

constexpr std::size_t kLanes = 3;
constexpr std::int64_t kSmoothing = 8;  // how many calls the usual time of one is learnt from
constexpr std::int64_t kLongestWait = 3600;

std::size_t index_of(Lane lane) noexcept {
    return static_cast<std::size_t>(lane);
}

Error too_long() {
    return {ErrorCode::hsm_down, "the TPM did not answer in time"};
}

}  // namespace

struct Owner::Shared {
    Shared(Limits bounds, std::shared_ptr<std::atomic<bool>> fence)
        : limits(bounds), left(std::move(fence)) {}

    const Limits limits;
    const std::shared_ptr<std::atomic<bool>> left;  // a call is left to itself
    std::mutex mutex;
    std::condition_variable work;    // for the thread
    std::condition_variable exited;  // for the destructor
    std::array<std::deque<std::shared_ptr<Job>>, kLanes> lanes;
    std::shared_ptr<Job> running;
    Deadline running_until;
    std::chrono::microseconds usual{0};  // time of one call
    bool stopping = false;
    std::atomic<bool> gone{false};

    std::shared_ptr<Job> next() {
        for (auto& lane : lanes) {
            if (!lane.empty()) {
                auto job = std::move(lane.front());
                lane.pop_front();
                return job;
            }
        }
        return nullptr;
    }

    std::size_t before(Lane lane) const {
        std::size_t count = running == nullptr ? 0 : 1;
        for (std::size_t i = 0; i <= index_of(lane); ++i) {
            count += lanes[i].size();
        }
        return count;
    }

    Error full(Lane lane) const {
        const auto wait = usual * static_cast<std::int64_t>(before(lane));
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
        Error error(ErrorCode::queue_full, std::to_string(before(lane)) +
                                               " calls wait for the TPM before this one; it "
                                               "answers one at a time");
        error.retry_after =
            static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 1, kLongestWait));
        return error;
    }

    void drop_waiting() {
        for (auto& lane : lanes) {
            for (const auto& job : lane) {
                job->state = JobState::dropped;
                job->settled.notify_all();
            }
            lane.clear();
        }
    }

    /// Whoever waits is told; the one that hangs finds nobody.
    void leave() {
        *left = true;
        drop_waiting();
        if (running != nullptr) {
            running->state = JobState::dropped;
            running->settled.notify_all();
        }
    }

    void learn(std::chrono::microseconds took) {
        usual = usual.count() == 0 ? took : usual + (took - usual) / kSmoothing;
    }
};

Owner::Owner(Limits limits) : shared_(std::make_shared<Shared>(limits, left_)) {
    thread_ = std::thread([shared = shared_] { serve(shared); });
}

void Owner::stop() {
    const std::lock_guard one_at_a_time(stopping_);
    if (!thread_.joinable()) {
        return;
    }
    std::unique_lock lock(shared_->mutex);
    shared_->stopping = true;
    shared_->drop_waiting();
    shared_->work.notify_all();
    const auto patience = *left_ ? std::chrono::milliseconds(0) : shared_->limits.stop;
    const bool ended =
        shared_->exited.wait_for(lock, patience, [&] { return shared_->gone.load(); });
    if (!ended) {
        shared_->leave();
    }
    lock.unlock();
    if (ended) {
        thread_.join();
    } else {
        thread_.detach();
    }
}

std::size_t Owner::waiting() const {
    const std::lock_guard lock(shared_->mutex);
    std::size_t count = 0;
    for (const auto& lane : shared_->lanes) {
        count += lane.size();
    }
    return count;
}

std::function<bool()> Owner::still_there() const {
    return [shared = shared_] { return !shared->gone.load(); };
}

void Owner::serve(const std::shared_ptr<Shared>& shared) {
    {
        Slot slot;
        std::unique_lock lock(shared->mutex);
        while (!*shared->left) {
            shared->running = shared->next();
            if (shared->running == nullptr && shared->stopping) {
                break;
            }
            if (shared->running == nullptr) {
                shared->work.wait(lock);
                continue;
            }
            const std::shared_ptr<Job> job = shared->running;
            job->state = JobState::running;
            const auto begun = std::chrono::steady_clock::now();
            shared->running_until = begun + job->longest;
            lock.unlock();
            job->run(slot);
            const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
                std::chrono::steady_clock::now() - begun);
            lock.lock();
            shared->running.reset();
            shared->learn(took);
            if (job->state == JobState::running) {
                job->state = JobState::done;
                job->settled.notify_all();
            }
        }
        const bool close = !*shared->left && slot != nullptr;
        lock.unlock();
        if (close) {
            slot->close();
        }
    }
    const std::lock_guard lock(shared->mutex);
    shared->gone = true;
    shared->exited.notify_all();
}

Status Owner::perform(const std::shared_ptr<Job>& job) {
    std::unique_lock lock(shared_->mutex);
    if (*left_ || shared_->stopping) {
        return too_long();
    }
    auto& lane = shared_->lanes[index_of(job->lane)];
    const auto now = std::chrono::steady_clock::now();
    const auto ready = shared_->usual * static_cast<std::int64_t>(shared_->before(job->lane) + 1);
    if (lane.size() >= shared_->limits.lane || job->deadline - now < ready) {
        return shared_->full(job->lane);
    }
    lane.push_back(job);
    shared_->work.notify_one();
    for (;;) {
        const Deadline look_again = shared_->running != nullptr
                                        ? shared_->running_until
                                        : std::chrono::steady_clock::now() + job->longest;
        job->settled.wait_until(lock, std::min(job->deadline, look_again));
        if (job->state == JobState::done) {
            return Status::done();
        }
        if (job->state == JobState::dropped) {
            return too_long();
        }
        const auto woken = std::chrono::steady_clock::now();
        if (shared_->running != nullptr && woken >= shared_->running_until) {
            shared_->leave();
            return too_long();
        }
        if (woken >= job->deadline && job->state == JobState::waiting) {
            std::erase(lane, job);
            return shared_->full(job->lane);
        }
        if (woken >= job->deadline) {
            return too_long();
        }
    }
}

}  // namespace clawsigner::tpm
