#include "ledger/log.h"

#include "base/handle.h"
#include "claw/pruned.h"
#include "ledger/check.h"
#include "ledger/files.h"
#include "ledger/readers.h"
#include "ledger/schema.h"
#include "ledger/writer.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <fcntl.h>
#include <future>
#include <iterator>
#include <mutex>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace clawsigner::ledger {
namespace {

using Steady = std::chrono::steady_clock;

constexpr auto kWatchEvery = std::chrono::milliseconds(200);
constexpr auto kProbeEvery = std::chrono::milliseconds(200);  // while the disk does not take it
constexpr auto kLongestWait = std::chrono::milliseconds(2);   // for company
constexpr auto kDropEvery = std::chrono::seconds(60);
constexpr auto kSweepEvery = std::chrono::seconds(60);  // while bodies are left that have to go
constexpr auto kStepDeadline = std::chrono::seconds(30);
constexpr std::size_t kMostNotes = 1000;
constexpr std::size_t kMostLeavesRead = 256;
/// A log that is checked this fast has been checked before it serves.
constexpr auto kCheckFirst = std::chrono::milliseconds(250);

std::vector<std::filesystem::path> files_of(const std::filesystem::path& database) {
    return {database, database.string() + "-wal"};
}

Error blocked(std::string why) {
    return {ErrorCode::ledger_blocked, std::move(why)};
}

/// What a socket is told: the operator's paths stay with the operator.
Error without_paths(const Error& why) {
    Error error = why.code == ErrorCode::ledger_damaged
                      ? Error(why.code,
                              "the ledger is damaged; nothing is signed until a person "
                              "has seen to it")
                      : blocked("the ledger's disk does not take what is signed");
    error.call = why.call;
    error.native = why.native;
    return error;
}

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

class FileLog final : public Log {
public:
    FileLog(Options options, std::filesystem::path file)
        : options_(std::move(options)),
          file_(std::move(file)),
          readers_(file_),
          reserve_(options_.directory / "ledger.reserve"),
          head_(std::make_shared<const claw::TileTree>()) {
        since_ = options_.clock->now();
    }
    ~FileLog() override;
    FileLog(const FileLog&) = delete;
    FileLog& operator=(const FileLog&) = delete;

    Status start();

    void submit(std::shared_ptr<Submission> submission) override;
    void note(claw::LeafContent leaf) override;
    std::optional<Outcome> foresee(const claw::ArtefactLeaf& leaf, std::size_t items) override;
    Status ready() const override;
    LogStatus status() const override;
    std::shared_ptr<const claw::Settings> settings() const override;
    Result<std::string> document(const crypto::Sha256& digest) override;
    Head head() const override;
    Result<UnixMillis> latest_time() override;
    Status publish(Published published, Deadline deadline) override;
    std::shared_ptr<const Published> published() const override;
    Result<std::vector<claw::TreeHash>> tile(const claw::TileId& id) override;
    Result<std::vector<std::string>> leaves(std::uint64_t first, std::size_t count) override;
    Result<std::uint64_t> leaf_of(crypto::Family family, std::string_view id) override;
    Result<Head> close(Deadline deadline) override;

private:
    using Group = std::vector<std::shared_ptr<Submission>>;
    /// Something for the writer's thread besides leaves.
    struct Task {
        std::function<Status(Writer&)> run;
        std::promise<Status> outcome;
    };

    Status lock();
    Status check_not_lost() const;
    Status remember_made();
    void accept(const Contents& contents);
    void write_loop();
    void watch_loop(FileWatch watch);
    void check_behind();
    std::uint64_t sweepable() const;
    void sweep_loop();
    bool sweep(std::uint64_t until);
    Error unread(std::uint64_t leaf) const;

    Group take_group();
    void write_group(const Group& group, std::vector<claw::LeafContent> notes);
    Result<std::vector<Outcome>> commit(std::span<const Entry* const> entries);
    Result<std::vector<Outcome>> commit_unharmed(std::span<const Entry* const> entries,
                                                 UnixMillis now);
    void run_task(Task& task);
    void retry_disk();
    Status run_on_writer(std::function<Status(Writer&)> run, Deadline deadline);

    static void answer(const Group& group, std::vector<Outcome> outcomes);
    static void refuse(const Group& group, const Error& why);

    Status ready_locked() const;
    Result<std::shared_ptr<const Published>> readable() const;
    void note_outcome(const Status& outcome);
    void tell(const LogStatus& status) { options_.on_change(status); }
    LogStatus status_locked() const;
    /// Takes the mutex; tells whoever wants to know when the health has changed.
    template <class Change>
    void change(Change&& apply);

    const Options options_;
    const std::filesystem::path file_;
    base::UniqueFd lock_;
    // The last connection to close folds the write-ahead log in, and must be the one that may
    // write. The writer's thread's.
    std::unique_ptr<Writer> writer_;
    FileWatch written_;  // the files as the writer left them
    Readers readers_;
    Reserve reserve_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;  // the writer
    std::condition_variable end_watch_;
    std::condition_variable wake_sweep_;
    std::deque<std::shared_ptr<Submission>> queue_;
    std::size_t waiting_ = 0;  // entries of the queue
    std::vector<claw::LeafContent> notes_;
    std::size_t lost_notes_ = 0;
    std::deque<std::shared_ptr<Task>> tasks_;
    std::optional<Steady::time_point> commit_began_;
    std::optional<Error> blocked_;
    std::optional<Error> damaged_;
    bool hanging_ = false;
    bool space_is_short_ = false;
    bool closed_ = false;
    bool stopping_ = false;
    UnixMillis since_;
    Health told_ = Health::good;
    Head head_;
    std::shared_ptr<const claw::Settings> settings_ = std::make_shared<const claw::Settings>();
    std::shared_ptr<const Published> published_;
    std::uint64_t checkpoint_ = 0;

    std::atomic<bool> checked_{false};
    std::atomic<bool> stop_checking_{false};
    std::atomic<bool> stop_sweeping_{false};
    std::thread writing_;
    std::thread sweeping_;
    std::thread watching_;
    std::thread checking_;
};

FileLog::~FileLog() {
    stop_checking_ = true;
    {
        const std::lock_guard lock(mutex_);
        stop_sweeping_ = true;
    }
    wake_sweep_.notify_all();
    if (sweeping_.joinable()) {
        sweeping_.join();  // while there is a writer to take its last step
    }
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    end_watch_.notify_all();
    for (std::thread* thread : {&checking_, &watching_, &writing_}) {
        if (thread->joinable()) {
            thread->join();
        }
    }
}

template <class Change>
void FileLog::change(Change&& apply) {
    std::optional<LogStatus> changed;
    {
        const std::lock_guard lock(mutex_);
        std::forward<Change>(apply)();
        const LogStatus now = status_locked();
        if (now.health != told_) {
            told_ = now.health;
            since_ = options_.clock->now();
            changed = status_locked();
        }
    }
    if (changed) {
        tell(*changed);
    }
}

LogStatus FileLog::status_locked() const {
    LogStatus status;
    status.since = since_;
    status.size = head_->size();
    status.checkpoint = checkpoint_;
    status.checked = checked_;
    if (damaged_) {
        status.health = Health::damaged;
        status.why = damaged_;
    } else if (hanging_ || blocked_) {
        status.health = Health::blocked;
        status.why = hanging_ ? blocked("the ledger's disk has not answered for " +
                                        std::to_string(options_.deadline.count()) + " ms")
                              : *blocked_;
    }
    return status;
}

LogStatus FileLog::status() const {
    const std::lock_guard lock(mutex_);
    return status_locked();
}

Status FileLog::ready_locked() const {
    if (damaged_) {
        return without_paths(*damaged_);
    }
    const bool late = commit_began_ && Steady::now() > *commit_began_ + options_.deadline;
    if (blocked_ || hanging_ || late) {
        return without_paths(blocked_.value_or(blocked("the ledger's disk does not answer")));
    }
    return closed_ ? Status(blocked("the daemon is stopping")) : Status::done();
}

Status FileLog::ready() const {
    const std::lock_guard lock(mutex_);
    return ready_locked();
}

std::shared_ptr<const claw::Settings> FileLog::settings() const {
    const std::lock_guard lock(mutex_);
    return settings_;
}

Head FileLog::head() const {
    const std::lock_guard lock(mutex_);
    return head_;
}

std::shared_ptr<const Published> FileLog::published() const {
    const std::lock_guard lock(mutex_);
    return published_;
}

void FileLog::accept(const Contents& contents) {
    head_ = std::make_shared<const claw::TileTree>(contents.tree);
    settings_ = contents.state.shared_settings();
    checkpoint_ = contents.checkpoint;
}

/// Two daemons with one ledger would each take the other's leaves for a stranger's.
Status FileLog::lock() {
    const auto path = options_.directory / "ledger.lock";
    lock_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    if (!lock_) {
        return Error::from_errno("cannot open " + path.string(), errno);
    }
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
        return Error(ErrorCode::io_failed,
                     "another clawsignerd keeps its ledger in " + options_.directory.string());
    }
    return Status::done();
}

/// A log that began anew under its old name would contradict every checkpoint handed out. That
/// there was one stands in the lock's file.
Status FileLog::check_not_lost() const {
    struct stat info{};
    std::error_code ignored;
    if (::fstat(lock_.get(), &info) == 0 && info.st_size > 0 &&
        !std::filesystem::exists(file_, ignored)) {
        return Error(ErrorCode::ledger_damaged,
                     file_.string() +
                         " is gone, and with it the log: restore it, or begin a new log with "
                         "another ledger.origin after removing ledger.lock");
    }
    return Status::done();
}

Status FileLog::remember_made() {
    constexpr std::string_view kMade = "a ledger was made here\n";
    struct stat info{};
    if (::fstat(lock_.get(), &info) == 0 && info.st_size > 0) {
        return Status::done();
    }
    const bool written = ::pwrite(lock_.get(), kMade.data(), kMade.size(), 0) ==
                             static_cast<ssize_t>(kMade.size()) &&
                         ::fsync(lock_.get()) == 0;
    return written ? Status::done()
                   : Status(Error::from_errno("cannot write to the ledger's directory", errno));
}

Status FileLog::start() {
    CHECK_OK(lock());
    CHECK_OK(check_not_lost());
    TRY(Database database, open_database(file_));
    CHECK_OK(remember_made());
    TRY(View view, View::of(database));
    auto contents = check_tiles(view);
    view = View();
    if (!contents.ok() && contents.error().code != ErrorCode::ledger_damaged) {
        return contents.error();
    }
    if (!contents.ok()) {
        change([&] { damaged_ = contents.error(); });
        return Status::done();
    }
    accept(*contents);
    TRY(auto writer,
        Writer::of(std::move(database), std::move(contents->tree), std::move(contents->state),
                   {options_.keep_answers, options_.state_every}));
    writer_ = std::make_unique<Writer>(std::move(writer));
    // Also so that the file of the write-ahead log is there to be watched.
    const Status probed = writer_->probe();
    const Status reserved = reserve_.take();
    note_outcome(probed.ok() ? reserved : probed);
    TRY(written_, FileWatch::of(files_of(file_)));
    std::promise<void> checked;
    auto first = checked.get_future();
    checking_ = std::thread([this, done = std::move(checked)]() mutable {
        check_behind();
        done.set_value();
    });
    (void)first.wait_for(kCheckFirst);
    writing_ = std::thread([this] { write_loop(); });
    watching_ = std::thread([this, watch = written_] { watch_loop(watch); });
    sweeping_ = std::thread([this] { sweep_loop(); });
    return Status::done();
}

void FileLog::check_behind() {
    auto database = open_reader(file_);
    const Status outcome =
        database.ok() ? check_leaves(*database, stop_checking_) : Status(database.error());
    change([&] {
        checked_ = outcome.ok() && !stop_checking_;
        if (!outcome.ok() && outcome.error().code == ErrorCode::ledger_damaged) {
            damaged_ = outcome.error();
        }
    });
    wake_sweep_.notify_one();
}

/// A disk that fails is blocked until it works; a database that contradicts itself is damaged for
/// good.
void FileLog::note_outcome(const Status& outcome) {
    change([&] {
        if (outcome.ok()) {
            blocked_.reset();
        } else if (outcome.error().code == ErrorCode::ledger_damaged) {
            damaged_ = outcome.error();
        } else {
            blocked_ = outcome.error();
        }
    });
}

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

void FileLog::watch_loop(FileWatch watch) {
    std::unique_lock lock(mutex_);
    while (!end_watch_.wait_for(lock, kWatchEvery, [this] { return stopping_; })) {
        lock.unlock();
        const Status unharmed = watch.check();
        change([&] {
            if (!unharmed.ok() && !damaged_) {
                damaged_ = unharmed.error();
            }
            hanging_ = commit_began_ && Steady::now() > *commit_began_ + options_.deadline;
        });
        lock.lock();
    }
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

std::optional<Outcome> FileLog::foresee(const claw::ArtefactLeaf& leaf, std::size_t items) {
    auto foreseen = readers_.with([&](View& view) { return Writer::foresee(view, leaf, items); });
    if (!foreseen.ok()) {
        return Outcome(without_paths(foreseen.error()));
    }
    return *std::move(foreseen);
}

Result<std::string> FileLog::document(const crypto::Sha256& digest) {
    auto read = readers_.with([&](View& view) { return view.document(digest); });
    if (!read.ok()) {
        return without_paths(read.error());
    }
    std::optional<std::string> found = std::move(read).value();
    if (!found || crypto::sha256(*found) != digest) {
        return Error(ErrorCode::not_found, "the ledger's document " +
                                               base::base64url_encode(digest) +
                                               (found ? " was changed" : " is missing"));
    }
    return *std::move(found);
}

/// What there is to read, or why there is nothing.
Result<std::shared_ptr<const Published>> FileLog::readable() const {
    const std::lock_guard lock(mutex_);
    if (damaged_) {
        return without_paths(*damaged_);
    }
    if (!published_) {
        return Error(ErrorCode::not_yet,
                     "the log has no checkpoint of this start yet; ask again in a second");
    }
    return published_;
}

Result<std::vector<claw::TreeHash>> FileLog::tile(const claw::TileId& id) {
    TRY(const auto latest, readable());
    const std::uint64_t nodes = latest->head->size() >> (8U * id.level);
    const std::uint64_t full = nodes / claw::kTileWidth;
    if (id.index > full || (id.index == full && id.width > nodes % claw::kTileWidth)) {
        return Error(ErrorCode::not_found, "the log's newest checkpoint has no such tile");
    }
    if (id.index == full) {
        const auto edge = latest->head->edge(id.level);
        return std::vector<claw::TreeHash>(edge.begin(),
                                           edge.begin() + static_cast<std::ptrdiff_t>(id.width));
    }
    TRY(auto hashes, readers_.with([&](View& view) { return view.full_tile(id.level, id.index); }));
    hashes.resize(id.width);
    return hashes;
}

/// Why the body of a leaf is not there.
Error FileLog::unread(std::uint64_t leaf) const {
    const std::uint64_t until = claw::pruned_until(*settings());
    return leaf < until
               ? Error(ErrorCode::not_found,
                       "leaf " + std::to_string(leaf) + " was pruned, as all before leaf " +
                           std::to_string(until) +
                           " may be; an export of the log from before holds it")
               : Error(ErrorCode::ledger_damaged, "leaf " + std::to_string(leaf) + " is missing");
}

Result<UnixMillis> FileLog::latest_time() {
    const std::uint64_t size = head()->size();
    if (size == 0) {
        return UnixMillis();
    }
    auto read = readers_.with([&](View& view) { return view.leaf(size - 1); });
    if (!read.ok()) {
        return without_paths(read.error());
    }
    const std::optional<std::string> body = std::move(read).value();
    if (!body) {
        return UnixMillis();
    }
    TRY(const claw::Leaf leaf, claw::parse_leaf(*body));
    return leaf.time;
}

Result<std::vector<std::string>> FileLog::leaves(std::uint64_t first, std::size_t count) {
    TRY(const auto latest, readable());
    const std::uint64_t size = latest->head->size();
    if (count > kMostLeavesRead || first > size || count > size - first) {
        return Error(ErrorCode::not_found, "the log's newest checkpoint has not these leaves");
    }
    return readers_.with([&](View& view) -> Result<std::vector<std::string>> {
        std::vector<std::string> bodies;
        for (std::uint64_t index = first; index < first + count; ++index) {
            TRY(auto body, view.leaf(index));
            if (!body) {
                return unread(index);
            }
            bodies.push_back(*std::move(body));
        }
        return bodies;
    });
}

Result<std::uint64_t> FileLog::leaf_of(crypto::Family family, std::string_view id) {
    TRY(const auto leaf,
        readers_.with([&](View& view) { return view.leaf_of_id(claw::spent_id(family, id)); }));
    return leaf ? Result<std::uint64_t>(*leaf)
                : Error(ErrorCode::not_found, "no artefact of this id is in the log");
}

Result<Head> FileLog::close(Deadline deadline) {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    const UnixMillis now = options_.clock->now();
    CHECK_OK(run_on_writer([now](Writer& writer) { return writer.close(now); }, deadline));
    const std::lock_guard lock(mutex_);
    head_ = std::make_shared<const claw::TileTree>(writer_->tree());
    return head_;
}

Result<std::unique_ptr<Log>> Log::open(Options options) {
    const auto file = options.directory / "ledger.db";
    auto log = std::make_unique<FileLog>(std::move(options), file);
    CHECK_OK(log->start());
    return std::unique_ptr<Log>(std::move(log));
}

}  // namespace clawsigner::ledger
