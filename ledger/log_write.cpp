#include "ledger/file_log.h"

#include <algorithm>
#include <iterator>

/// What goes into the log, on the one thread that writes.
namespace clawsigner::ledger {
namespace {

constexpr auto kProbeEvery = std::chrono::milliseconds(200);  // while the disk does not take it
constexpr auto kLongestWait = std::chrono::milliseconds(2);   // for company
constexpr auto kDropEvery = std::chrono::seconds(60);
constexpr std::size_t kMostNotes = 1000;

/// What could not be noted while the disk did not take it, as a number.
claw::RefusalLeaf lost_notes(std::size_t count) {
    claw::RefusalLeaf leaf;
    leaf.operation = "several";
    leaf.code = wire_name(ErrorCode::ledger_blocked);
    leaf.count = static_cast<std::int64_t>(count);
    return leaf;
}

bool is_full(const Error& error) {
    constexpr std::uint64_t kSqliteFull = 13;
    return error.code == ErrorCode::ledger_blocked && (error.native & 0xffU) == kSqliteFull;
}

}  // namespace

void FileLog::submit(std::shared_ptr<Submission> submission) {
    Status ready;
    bool awaited = false;
    {
        const std::lock_guard lock(mutex_);
        ready = ready_locked();
        if (ready.ok()) {
            waiting_ += submission->entries().size();
            queue_.push_back(submission);
        }
        // The first sets the clock, and who makes the group whole ends the wait.
        awaited = queue_.size() == 1 || present().is_enough(waiting_);
    }
    if (!ready.ok()) {
        refuse({std::move(submission)}, ready.error());
    } else if (awaited) {
        wake_.notify_one();
    }
}

void FileLog::note(claw::LeafContent leaf) {
    {
        const std::lock_guard lock(mutex_);
        if (damaged_ || closed_ || notes_.size() >= kMostNotes) {
            ++lost_notes_;
            return;
        }
        notes_.push_back(std::move(leaf));
    }
    wake_.notify_one();
}

void FileLog::answer(const Group& group, std::vector<Outcome> outcomes) {
    auto next = std::make_move_iterator(outcomes.begin());
    for (const auto& submission : group) {
        const auto count = static_cast<std::ptrdiff_t>(submission->entries().size());
        submission->answer({next, next + count});
        next += count;
    }
}

void FileLog::refuse(const Group& group, const Error& why) {
    for (const auto& submission : group) {
        submission->answer(std::vector<Outcome>(submission->entries().size(), why));
    }
}

FileLog::Group FileLog::take_group() {
    Group group;
    for (auto& submission : queue_) {
        if (!submission->is_abandoned()) {
            group.push_back(std::move(submission));
        }
    }
    queue_.clear();
    waiting_ = 0;
    return group;
}

void FileLog::write_loop() {
    auto next_drop = Steady::now() + kDropEvery;
    std::unique_lock lock(mutex_);
    while (true) {
        const bool unwell = blocked_.has_value() || space_is_short_;
        wake_.wait_for(lock, unwell ? Steady::duration(kProbeEvery) : kDropEvery, [this] {
            return stopping_ || !queue_.empty() || !tasks_.empty() ||
                   (!notes_.empty() && !blocked_ && !damaged_);
        });
        if (!queue_.empty() && !stopping_) {
            wake_.wait_for(lock, kLongestWait,
                           [this] { return stopping_ || present().is_enough(waiting_); });
        }
        const Group group = take_group();
        std::vector<claw::LeafContent> notes;
        if (!blocked_ && !damaged_) {
            notes = std::exchange(notes_, {});
            if (const std::size_t lost = std::exchange(lost_notes_, 0); lost > 0) {
                notes.emplace_back(lost_notes(lost));
            }
        }
        const auto tasks = std::exchange(tasks_, {});
        const bool last = stopping_;
        lock.unlock();
        if (!group.empty() || !notes.empty()) {
            write_group(group, std::move(notes));
        }
        for (const auto& task : tasks) {
            run_task(*task);
        }
        if (unwell && !last) {
            retry_disk();
        }
        if (Steady::now() > next_drop && ready().ok()) {
            Task drop{[this](Writer& writer) { return writer.drop_answers(options_.clock->now()); },
                      {}};
            run_task(drop);  // a disk that hangs now is one that hangs
            next_drop = Steady::now() + kDropEvery;
        }
        lock.lock();
        if (last && queue_.empty() && tasks_.empty()) {
            return;
        }
    }
}

/// Notes go first: what was noted before a submission came has its leaf before it.
void FileLog::write_group(const Group& group, std::vector<claw::LeafContent> notes) {
    std::vector<Entry> noted;
    noted.reserve(notes.size());
    std::vector<const Entry*> entries;
    for (claw::LeafContent& leaf : notes) {
        noted.push_back({{{std::move(leaf), std::nullopt}}});
        entries.push_back(&noted.back());
    }
    for (const auto& submission : group) {
        for (const Entry& entry : submission->entries()) {
            entries.push_back(&entry);
        }
    }
    auto outcomes = commit(entries);
    if (!outcomes.ok()) {
        refuse(group, without_paths(outcomes.error()));
        return;
    }
    outcomes->erase(outcomes->begin(),
                    outcomes->begin() + static_cast<std::ptrdiff_t>(noted.size()));
    answer(group, *std::move(outcomes));
}

/// A file that was cut off is looked at before SQLite writes behind its old end, which would make
/// it long again with nothing in the middle.
Result<std::vector<Outcome>> FileLog::commit_unharmed(std::span<const Entry* const> entries,
                                                      UnixMillis now) {
    CHECK_OK(written_.check());
    auto outcomes = writer_->commit(entries, now);
    CHECK_OK(written_.check());
    return outcomes;
}

Result<std::vector<Outcome>> FileLog::commit(std::span<const Entry* const> entries) {
    {
        const std::lock_guard lock(mutex_);
        if (damaged_) {
            return *damaged_;
        }
        commit_began_ = Steady::now();
    }
    const UnixMillis now = options_.clock->now();
    auto outcomes = commit_unharmed(entries, now);
    bool short_of_space = false;
    if (!outcomes.ok() && is_full(outcomes.error()) && reserve_.give_back()) {
        short_of_space = true;  // these are the last that are written
        outcomes = commit_unharmed(entries, now);
    }
    auto head = std::make_shared<const claw::TileTree>(writer_->tree());
    change([&] {
        commit_began_.reset();
        hanging_ = false;
        if (outcomes.ok()) {
            head_ = std::move(head);
            if (settings_ != writer_->state().shared_settings()) {
                settings_ = writer_->state().shared_settings();
                wake_sweep_.notify_one();
            }
            blocked_.reset();
        } else if (outcomes.error().code == ErrorCode::ledger_damaged) {
            damaged_ = outcomes.error();
        } else {
            blocked_ = outcomes.error();
        }
        if (short_of_space) {
            space_is_short_ = true;
            blocked_ = blocked("the disk of " + options_.directory.string() + " is full");
        }
    });
    return outcomes;
}

void FileLog::run_task(Task& task) {
    {
        const std::lock_guard lock(mutex_);
        if (damaged_) {
            task.outcome.set_value(*damaged_);
            return;
        }
        commit_began_ = Steady::now();
    }
    Status outcome = written_.check();
    if (outcome.ok()) {
        outcome = task.run(*writer_);
        (void)written_.check();  // how long the files are now
    }
    change([&] {
        commit_began_.reset();
        hanging_ = false;
        if (!outcome.ok() && outcome.error().code == ErrorCode::ledger_damaged) {
            damaged_ = outcome.error();
        } else if (!outcome.ok()) {
            blocked_ = outcome.error();
        }
    });
    task.outcome.set_value(outcome);
}

void FileLog::retry_disk() {
    {
        const std::lock_guard lock(mutex_);
        if (damaged_) {
            return;
        }
    }
    const Status space = reserve_.take();
    const Status outcome = space.ok() ? writer_->probe() : space;
    if (outcome.ok()) {
        const std::lock_guard lock(mutex_);
        space_is_short_ = false;
    }
    note_outcome(outcome);
}

Status FileLog::run_on_writer(std::function<Status(Writer&)> run, Deadline deadline) {
    auto task = std::make_shared<Task>();
    task->run = std::move(run);
    auto outcome = task->outcome.get_future();
    {
        const std::lock_guard lock(mutex_);
        if (damaged_) {
            return *damaged_;
        }
        tasks_.push_back(std::move(task));
    }
    wake_.notify_all();
    return outcome.wait_until(deadline) == std::future_status::ready
               ? outcome.get()
               : Status(blocked("the ledger's disk did not answer in time"));
}

Status FileLog::publish(Published published, Deadline deadline) {
    const std::uint64_t size = published.head->size();
    const std::string note = published.note;
    CHECK_OK(run_on_writer(
        [size, note](Writer& writer) { return writer.put_checkpoint(size, note); }, deadline));
    const std::lock_guard lock(mutex_);
    published_ = std::make_shared<const Published>(std::move(published));
    checkpoint_ = size;
    wake_sweep_.notify_one();
    return Status::done();
}

}  // namespace clawsigner::ledger
