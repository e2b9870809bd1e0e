#include "ledger/log.h"

#include "ledger/file_log.h"
#include "ledger/schema.h"

/// A log from its start to its end, and how it is.
namespace clawsigner::ledger {
namespace {

/// A log that is checked this fast has been checked before it serves.
constexpr auto kCheckFirst = std::chrono::milliseconds(100);
constexpr auto kWatchEvery = std::chrono::milliseconds(200);

std::vector<std::filesystem::path> files_of(const std::filesystem::path& database) {
    return {database, database.string() + "-wal"};
}

}  // namespace

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

Status FileLog::start() {
    CHECK_OK(claim_.take(file_));
    TRY(Database database,
        open_database(file_, claim_.was_made() ? Tables::wanted : Tables::made_if_new));
    CHECK_OK(claim_.remember_made());
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
