#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "claw/leaf.h"
#include "claw/log_state.h"
#include "claw/tile.h"
#include "claw/tile_tree.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace clawsigner::ledger {

/// A leaf, and the text that was made with it where that must be at hand when the request is sent
/// again.
struct Item {
    claw::LeafContent leaf;
    std::optional<std::string> answer;
};

/// What is recorded in one piece or not at all: the leaves of one answer, the one that spends its
/// names first.
struct Entry {
    std::vector<Item> items;
    /// Texts that the leaves name by their SHA-256, in base64url; each is kept from here on.
    std::vector<std::string> documents = {};  // NOLINT(readability-redundant-member-init)
};

/// The leaves stand in the log, on disk.
struct Recorded {
    std::uint64_t first = 0;  // leaf
};
/// The nonce was spent by the same request: these texts were handed out then, one per item.
struct Replayed {
    std::vector<std::string> answers;
};
/// Errors: nonce_reused, id_reused; key_not_active, when the key stopped signing meanwhile;
/// ledger_blocked, ledger_damaged.
using Outcome = Result<std::variant<Recorded, Replayed>>;

/// Entries on their way to the disk, and who is told.
class Submission {
public:
    /// `done` is called once, on the ledger's thread, when every outcome stands; it must not block
    /// or throw.
    Submission(std::vector<Entry> entries, std::function<void()> done);

    /// One per entry, in order. Only after `done`.
    const std::vector<Outcome>& outcomes() const noexcept { return outcomes_; }

    /// Nobody waits any more: what has not gone to the disk yet does not go. Any thread.
    void abandon() noexcept { abandoned_ = true; }

    // For the log.
    const std::vector<Entry>& entries() const noexcept { return entries_; }
    bool is_abandoned() const noexcept { return abandoned_; }
    /// One outcome per entry, once.
    void answer(std::vector<Outcome> outcomes);

private:
    std::vector<Entry> entries_;
    std::vector<Outcome> outcomes_;
    std::function<void()> done_;
    std::atomic<bool> abandoned_{false};
};

/// Who else may record soon. What waits for the disk goes there together when half of those who are
/// connected wait, or when nobody is on the way: a client alone never waits for company.
/// Thread-safe.
class Company {
public:
    /// Counts itself for as long as it lives, or until it is left.
    class Member {
    public:
        explicit Member(std::atomic<int>& count) : count_(&count) { ++*count_; }
        Member(Member&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
        Member& operator=(Member&&) = delete;
        Member(const Member&) = delete;
        Member& operator=(const Member&) = delete;
        ~Member() { leave(); }
        void leave() noexcept {
            if (count_ != nullptr) {
                --*std::exchange(count_, nullptr);
            }
        }

    private:
        std::atomic<int>* count_;
    };

    /// For as long as a client is connected.
    Member connect() { return Member(connected_); }
    /// While a request is on its way that will record.
    Member come() { return Member(coming_); }

    /// Is it time, when so many wait?
    bool is_enough(std::size_t waiting) const noexcept {
        const auto half = static_cast<std::size_t>(std::max(connected_ / 2, 1));
        return coming_ == 0 || waiting >= std::min(half, kMostWaited);
    }

private:
    static constexpr std::size_t kMostWaited = 16;

    std::atomic<int> connected_{0};
    std::atomic<int> coming_{0};
};

/// Where the ledger stands.
///
///     good ──► blocked (the disk is full, hangs or fails) ──► good, by itself, when it is back
///       └────► damaged (it contradicts itself or was changed by another hand): for a person
enum class Health : std::uint8_t { good, blocked, damaged };

/// "good", "blocked", "damaged". Static storage.
std::string_view health_name(Health health) noexcept;

struct LogStatus {
    Health health = Health::good;
    UnixMillis since;
    std::optional<Error> why;
    std::uint64_t size = 0;        // leaves on disk
    std::uint64_t checkpoint = 0;  // leaves under the newest checkpoint
    bool checked = false;  // every leaf has been held against tiles and state since the start
};

/// The right edge of what is on disk.
using Head = std::shared_ptr<const claw::TileTree>;

/// The log as of its newest checkpoint.
struct Published {
    std::string note;
    Head head;
};

/// The appliance's log and the state that its leaves make: one SQLite database, one writer.
/// Everything that waits is committed together, in one transaction with one fsync. Thread-safe.
class Log {
public:
    struct Options {
        std::filesystem::path directory;
        const Clock* clock = nullptr;
        /// How long an answer is kept for whoever asks again with its nonce.
        std::chrono::seconds keep_answers{300};
        /// How long a commit may take before the ledger counts as blocked.
        std::chrono::milliseconds deadline{2000};
        /// After so many leaves at most, a `state` leaf.
        std::uint64_t state_every = 10'000;
        /// Called from the ledger's threads; must not call back.
        std::function<void(const LogStatus&)> on_change = [](const LogStatus&) {};
    };

    /// Opens the log and holds its tail and tiles against the newest checkpoint; the leaves are
    /// held against tiles and state behind, while it serves. What contradicts itself is opened as
    /// damaged, and not written. Errors: ledger_blocked, ledger_damaged, when it is no ledger of
    /// this version; io_failed.
    static Result<std::unique_ptr<Log>> open(Options options);

    /// Writes what waits, and ends.
    virtual ~Log() = default;
    Log() = default;
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    /// Never blocks. Refused at once, with every outcome the same error, while the log is not good.
    virtual void submit(std::shared_ptr<Submission> submission) = 0;
    /// A leaf that nobody waits for. Lost, with a count, when too many wait already.
    virtual void note(claw::LeafContent leaf) = 0;

    /// What recording an entry with this first leaf would give, when that is already certain.
    virtual std::optional<Outcome> foresee(const claw::ArtefactLeaf& leaf, std::size_t items) = 0;

    /// Done, or why nothing can be recorded now. Cheap: asked before every signature.
    virtual Status ready() const = 0;
    virtual LogStatus status() const = 0;

    /// The rows of the state that is on disk, by name. Never null.
    virtual std::shared_ptr<const claw::Settings> settings() const = 0;
    /// The value of one of them; nothing before it is set.
    std::optional<std::string> setting(const std::string& name) const;

    /// A text that was recorded with an entry, by its SHA-256. Errors: not_found, when it is not
    /// there, or what is there has another digest; ledger_blocked, ledger_damaged.
    virtual Result<std::string> document(const crypto::Sha256& digest) = 0;

    /// Never null.
    virtual Head head() const = 0;
    /// When the newest leaf was written; the beginning of time, where there is none or its body was
    /// pruned. Errors: as ready.
    virtual Result<UnixMillis> latest_time() = 0;
    /// A signed note of a head that head() gave. Waits until it is on disk. Errors: as ready;
    /// ledger_blocked at the deadline.
    virtual Status publish(Published published, Deadline deadline) = 0;
    /// Null before the first checkpoint.
    virtual std::shared_ptr<const Published> published() const = 0;

    /// The hashes of a tile under the newest checkpoint. Errors: not_found; ledger_blocked,
    /// ledger_damaged.
    virtual Result<std::vector<claw::TreeHash>> tile(const claw::TileId& id) = 0;
    /// Leaf bodies [first, first + count). Errors: not_found, when there are not so many, or some
    /// were pruned; as tile.
    virtual Result<std::vector<std::string>> leaves(std::uint64_t first, std::size_t count) = 0;
    /// The leaf of an artefact. Errors: not_found; as tile.
    virtual Result<std::uint64_t> leaf_of(crypto::Family family, std::string_view id) = 0;
    /// The body of that leaf, for the daemon itself: it need not be under a checkpoint yet. Errors:
    /// not_found, also when it was pruned; ledger_blocked, ledger_damaged.
    virtual Result<std::string> body_of(crypto::Family family, std::string_view id) = 0;

    Company& company() noexcept { return company_; }

    /// The last leaves, `stop` and `state`; nothing is recorded afterwards. Returns the head.
    virtual Result<Head> close(Deadline deadline) = 0;

protected:
    const Company& present() const noexcept { return company_; }

private:
    Company company_;
};

/// Records entries and waits. For those who have a thread to wait with. Errors: ledger_blocked at
/// the deadline; else in the outcomes.
Result<std::vector<Outcome>> record(Log& log, std::vector<Entry> entries, Deadline deadline);

}  // namespace clawsigner::ledger
