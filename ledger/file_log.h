#pragma once

#include "base/clock.h"
#include "ledger/check.h"
#include "ledger/claim.h"
#include "ledger/files.h"
#include "ledger/log.h"
#include "ledger/readers.h"
#include "ledger/writer.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace clawsigner::ledger {

/// ledger_blocked, with why.
Error blocked(std::string why);

/// What a socket is told: the operator's paths stay with the operator.
Error without_paths(const Error& why);

/// The log in its files (see Log). One thread writes, one checks the leaves after the start, one
/// watches files and disk, and one removes the bodies that were pruned.
class FileLog final : public Log {
public:
    FileLog(Options options, std::filesystem::path file)
        : options_(std::move(options)),
          file_(std::move(file)),
          claim_(options_.directory),
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
    Result<std::string> body_of(crypto::Family family, std::string_view id) override;
    Result<Head> close(Deadline deadline) override;

private:
    using Steady = std::chrono::steady_clock;
    using Group = std::vector<std::shared_ptr<Submission>>;
    /// Something for the writer's thread besides leaves.
    struct Task {
        std::function<Status(Writer&)> run;
        std::promise<Status> outcome;
    };

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
    Status undamaged() const;
    Result<std::shared_ptr<const Published>> readable() const;
    void note_outcome(const Status& outcome);
    void tell(const LogStatus& status) { options_.on_change(status); }
    LogStatus status_locked() const;
    /// Takes the mutex; tells whoever wants to know when the health has changed.
    template <class Change>
    void change(Change&& apply);

    const Options options_;
    const std::filesystem::path file_;
    Claim claim_;
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

}  // namespace clawsigner::ledger
