#include "attest/log_audit.h"

#include "attest/pruned.h"
#include "attest/state_audit.h"
#include "claw/log_keys.h"
#include "claw/tile.h"

#include <algorithm>
#include <utility>

namespace clawsigner::attest {
namespace {

void add(Audit& audit, Finding finding) {
    if (audit.findings.size() < Audit::kMostFindings) {
        audit.findings.push_back(std::move(finding));
    }
    ++audit.findings_count;
}

/// Wrong, as opposed to out of reach.
bool is_finding(const Error& error) {
    return error.code == ErrorCode::not_found || error.code == ErrorCode::proof_invalid ||
           error.code == ErrorCode::invalid_field || error.code == ErrorCode::too_large;
}

/// Notes what is wrong with `result` in the audit. Error: what is no finding.
template <class T>
Result<std::optional<T>> noted(Audit& audit, const Result<T>& result, const std::string& about) {
    if (result.ok()) {
        return std::optional<T>(*result);
    }
    if (!is_finding(result.error())) {
        return result.error();
    }
    add(audit, {about + result.error().message, std::nullopt});
    return std::optional<T>();
}

class Auditor final : public LogVisitor {
public:
    Auditor(Audit& audit, StateAudit& state, const Progress& progress)
        : audit_(audit), state_(state), progress_(progress) {}

    Status fault(Finding finding) override {
        add(audit_, std::move(finding));
        return Status::done();
    }
    Status leaf(std::uint64_t index, const std::string& body) override {
        for (std::string& what : state_.next(index, body)) {
            add(audit_, {std::move(what), index});
        }
        said_pruned_ = std::max(said_pruned_, pruned_by(body).value_or(0));
        ++leaves_;
        return Status::done();
    }
    void progress(std::uint64_t leaves, std::uint64_t of) override { progress_(leaves, of); }

    std::uint64_t leaves() const noexcept { return leaves_; }
    /// The most that the leaves say was pruned.
    std::uint64_t said_pruned() const noexcept { return said_pruned_; }

private:
    Audit& audit_;
    StateAudit& state_;
    const Progress& progress_;
    std::uint64_t leaves_ = 0;
    std::uint64_t said_pruned_ = 0;
};

/// The log's own word on its key and origin must be the one it is held against.
void check_setting(Audit& audit, const claw::LogState& state, const std::string& name,
                   const std::string& expected) {
    const auto setting = state.settings().find(name);
    if (setting == state.settings().end()) {
        add(audit, {"no leaf sets " + name, std::nullopt});
    } else if (setting->second.value != expected) {
        add(audit, {"leaf " + std::to_string(setting->second.leaf) + " sets another " + name +
                        " than the checkpoint is signed with",
                    setting->second.leaf});
    }
}

/// The key it is held against is the one the log began with, or one it went on with.
void check_log_key(Audit& audit, const claw::LogState& state, const claw::NoteKey& key) {
    const auto keys = claw::log_keys(state.settings());
    const auto same = [&](const claw::NoteKey& other) { return other.text() == key.text(); };
    if (!keys.ok() || std::ranges::none_of(*keys, same)) {
        check_setting(audit, state, "log_key", key.text());
    }
}

Status check_older(Audit& audit, LogFiles& files, const SignedHead& head,
                   const std::optional<std::string>& from) {
    if (!from) {
        return Status::done();
    }
    const auto old = claw::open_checkpoint(*from, head.key, head.key.name());
    if (!old.ok()) {
        add(audit, {"the older checkpoint " + old.error().message, std::nullopt});
        return Status::done();
    }
    Status continues = check_consistent(files, *old, head.checkpoint);
    if (!continues.ok() && is_finding(continues.error())) {
        add(audit, {continues.error().message, std::nullopt});
        return Status::done();
    }
    return continues;
}

/// Key and checkpoint; without them there is nothing to hold the rest against.
Result<std::optional<SignedHead>> open(Audit& audit, LogFiles& files, const AuditTerms& terms) {
    TRY(const auto note, noted(audit, files.read("checkpoint"), "the checkpoint: "));
    if (!note) {
        return std::optional<SignedHead>();
    }
    TRY(const auto key,
        noted(audit, terms.key ? Result<claw::NoteKey>(*terms.key) : stated_key(files),
              "the log's key: "));
    if (!key) {
        return std::optional<SignedHead>();
    }
    TRY(auto checkpoint,
        noted(audit, claw::open_checkpoint(*note, *key, key->name()), "the checkpoint "));
    return checkpoint ? std::optional(SignedHead{*key, *std::move(checkpoint)}) : std::nullopt;
}

/// That leaves were pruned stands in a leaf behind them.
void check_pruned(Audit& audit, std::uint64_t said) {
    if (audit.pruned > said) {
        add(audit,
            {"leaves " + std::to_string(audit.since) + " to " + std::to_string(audit.pruned - 1) +
                 " are missing, and no leaf says that they were pruned",
             std::nullopt});
    }
}

Status read_leaves(Audit& audit, LogFiles& files, const SignedHead& head,
                   const Progress& progress) {
    StateAudit state(audit.since == 0 && audit.pruned == 0);
    Auditor auditor(audit, state, progress);
    CHECK_OK(walk_log(files, head.checkpoint, audit.since, auditor, audit.pruned));
    check_pruned(audit, auditor.said_pruned());
    if (auditor.leaves() == head.checkpoint.size) {
        check_setting(audit, state.state(), "origin", head.checkpoint.origin);
        check_log_key(audit, state.state(), head.key);
        audit.state = state.state().digests();
    }
    return Status::done();
}

/// How much of the file of the newest tree an older, narrower one must be; nothing when it is none
/// of an older tree's.
struct Narrower {
    std::string now;
    std::size_t width;
    bool is_bundle;
};
std::optional<Narrower> narrower(const std::string& path, std::uint64_t size) {
    if (const auto bundle = claw::parse_entries_path(path); bundle.ok()) {
        const std::size_t width = tile_width(0, bundle->index, size);
        return bundle->width < width
                   ? std::optional(
                         Narrower{claw::entries_path(bundle->index, width), bundle->width, true})
                   : std::nullopt;
    }
    const auto tile = claw::parse_tile_path(path);
    const std::size_t width = tile.ok() ? tile_width(tile->level, tile->index, size) : 0;
    return tile.ok() && tile->width < width
               ? std::optional(Narrower{claw::tile_path({tile->level, tile->index, width}),
                                        tile->width, false})
               : std::nullopt;
}

bool is_beginning(const std::string& old, const Narrower& of, const std::string& now) {
    const bool is_whole = of.is_bundle ? claw::decode_entries(old, of.width).ok()
                                       : claw::decode_tile(base::as_bytes(old), of.width).ok();
    return is_whole && now.starts_with(old);
}

Status check_left_over(Audit& audit, LogDirectory& files, std::uint64_t size,
                       const std::string& path) {
    const auto of = narrower(path, size);
    if (!of) {
        return Status::done();
    }
    TRY(const auto old, noted(audit, files.read(path), ""));
    const auto now = files.read(of->now);
    if (old && now.ok() && !is_beginning(*old, *of, *now)) {
        add(audit, {path + " is not the beginning of " + of->now, std::nullopt});
    }
    return Status::done();
}

}  // namespace

Result<Audit> audit_log(LogFiles& files, const AuditTerms& terms, const Progress& progress) {
    Audit audit;
    TRY(const auto head, open(audit, files, terms));
    if (!head) {
        return audit;
    }
    audit.head = head;
    const std::uint64_t size = head->checkpoint.size;
    if (terms.since > size) {
        add(audit, {"rolled back: the log has " + std::to_string(size) + " leaves, and had " +
                        std::to_string(terms.since),
                    std::nullopt});
        return audit;
    }
    audit.since = terms.since - terms.since % claw::kTileWidth;
    if (terms.may_be_pruned) {
        TRY(const std::uint64_t first, first_readable(files, audit.since, size));
        audit.pruned = first > audit.since ? first : 0;
    }
    CHECK_OK(check_older(audit, files, *head, terms.from));
    CHECK_OK(read_leaves(audit, files, *head, progress));
    return audit;
}

Result<Audit> audit_directory(LogDirectory& files, const AuditTerms& terms,
                              const Progress& progress) {
    TRY(Audit audit, audit_log(files, terms, progress));
    if (!audit.head) {
        return audit;
    }
    const std::uint64_t size = audit.head->checkpoint.size;
    TRY(const auto paths, files.tile_files());
    for (const std::string& path : paths) {
        CHECK_OK(check_left_over(audit, files, size, path));
    }
    return audit;
}

}  // namespace clawsigner::attest
