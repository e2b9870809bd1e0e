#include "attest/log_export.h"

#include "attest/log_walk.h"
#include "attest/pruned.h"
#include "claw/tile.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace clawsigner::attest {
namespace {

Error refused(std::string what) {
    return {ErrorCode::proof_invalid, std::move(what)};
}

/// A tile or bundle that will never change.
bool is_full(std::string_view path) {
    return path.starts_with("tile/") && path.find(".p/") == std::string_view::npos;
}

/// What is in the directory already, else what the log has.
class Resumed final : public LogFiles {
public:
    Resumed(LogFiles& from, LogDirectory& to) : from_(from), to_(to) {}

    Result<std::string> read(const std::string& path) override {
        if (is_full(path)) {
            auto kept = to_.read(path);
            if (kept.ok() || kept.error().code != ErrorCode::not_found) {
                return kept;
            }
        }
        return from_.read(path);
    }

private:
    LogFiles& from_;
    LogDirectory& to_;
};

/// Keeps every good file, and ends at the first fault.
class Keeper final : public LogVisitor {
public:
    Keeper(LogDirectory& to, const Progress& progress) : to_(to), progress_(progress) {}

    Status fault(Finding finding) override {
        return refused("the log, or what is in the directory: " + finding.what);
    }
    Status file(const std::string& path, const std::string& content) override {
        const auto kept = to_.read(path);
        return kept.ok() && *kept == content ? Status::done() : to_.keep(path, content);
    }
    Status leaf(std::uint64_t /*index*/, const std::string& body) override {
        said_pruned_ = std::max(said_pruned_, pruned_by(body).value_or(0));
        return Status::done();
    }
    void progress(std::uint64_t leaves, std::uint64_t of) override { progress_(leaves, of); }

    /// The most that the leaves say was pruned.
    std::uint64_t said_pruned() const noexcept { return said_pruned_; }

private:
    LogDirectory& to_;
    const Progress& progress_;
    std::uint64_t said_pruned_ = 0;
};

Result<claw::Checkpoint> opened(const std::string& note, const claw::NoteKey& key,
                                std::string_view whose) {
    auto checkpoint = claw::open_checkpoint(note, key, key.name());
    return checkpoint.ok() ? checkpoint
                           : refused(std::string(whose) + " " + checkpoint.error().message);
}

Status check_continues(LogFiles& from, LogDirectory& to, const claw::NoteKey& key,
                       const claw::Checkpoint& newest) {
    const auto kept = to.read("checkpoint");
    if (!kept.ok()) {
        return kept.error().code == ErrorCode::not_found ? Status::done() : Status(kept.error());
    }
    TRY(const auto old, opened(*kept, key, "the directory's checkpoint"));
    return check_consistent(from, old, newest);
}

}  // namespace

Result<claw::Checkpoint> export_log(LogFiles& from, LogDirectory& to,
                                    const std::optional<claw::NoteKey>& key,
                                    const Progress& progress) {
    TRY(const std::string note, from.read("checkpoint"));
    TRY(const claw::NoteKey signer, key ? Result<claw::NoteKey>(*key) : stated_key(from));
    TRY(auto checkpoint, opened(note, signer, "the checkpoint"));
    CHECK_OK(check_continues(from, to, signer, checkpoint));
    Resumed files(from, to);
    Keeper keeper(to, progress);
    TRY(const std::uint64_t first, first_readable(files, 0, checkpoint.size));
    CHECK_OK(walk_log(files, checkpoint, 0, keeper, first));
    if (first > keeper.said_pruned()) {
        return refused("leaves 0 to " + std::to_string(first - 1) +
                       " are missing, and no leaf says that they were pruned");
    }
    CHECK_OK(to.keep("checkpoint", note));
    return checkpoint;
}

}  // namespace clawsigner::attest
