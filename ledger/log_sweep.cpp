#include "claw/pruned.h"
#include "ledger/file_log.h"

/// How bodies go that operators have had pruned.
namespace clawsigner::ledger {
namespace {

constexpr auto kSweepEvery = std::chrono::seconds(60);  // while bodies are left that have to go
constexpr auto kStepDeadline = std::chrono::seconds(30);

}  // namespace

/// How far bodies may go. The mutex is held.
std::uint64_t FileLog::sweepable() const {
    return claw::pruned_until(*settings_, checkpoint_);
}

/// What the state says may go goes here, also after a start in the middle of it.
void FileLog::sweep_loop() {
    std::uint64_t swept = 0;
    const auto is_due = [&] {
        // Not before the state is known to be what the leaves make: this cannot be undone.
        return stop_sweeping_ || (checked_ && sweepable() > swept && ready_locked().ok());
    };
    std::unique_lock lock(mutex_);
    while (!stop_sweeping_) {
        if (!wake_sweep_.wait_for(lock, kSweepEvery, is_due) || stop_sweeping_) {
            continue;
        }
        const std::uint64_t until = sweepable();
        lock.unlock();
        const bool is_done = sweep(until);
        lock.lock();
        if (is_done) {
            swept = until;
        } else {
            wake_sweep_.wait_for(lock, kSweepEvery, [this] { return stop_sweeping_.load(); });
        }
    }
}

/// True when nothing is left below that point that has to go.
bool FileLog::sweep(std::uint64_t until) {
    bool is_done = true;
    for (std::uint64_t first = 0; first < until && !stop_sweeping_;) {
        const auto step = std::make_shared<PruneStep>();
        const auto run = [this, step, first, until](Writer& writer) -> Status {
            TRY(*step, writer.prune(first, until, options_.clock->now()));
            return Status::done();
        };
        if (!run_on_writer(run, base::deadline_in(kStepDeadline)).ok()) {
            return false;
        }
        first = step->next;
        is_done = is_done && !step->waits;
    }
    return is_done && !stop_sweeping_;
}

}  // namespace clawsigner::ledger
