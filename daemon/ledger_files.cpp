#include "daemon/ledger_files.h"

#include "attest/log_export.h"
#include "claw/log_keys.h"
#include "claw/pruned.h"
#include "ledger/check.h"
#include "ledger/schema.h"

#include <atomic>
#include <utility>
#include <vector>

namespace clawsigner::daemon {
namespace {

Error missing(const std::string& what) {
    return {ErrorCode::not_found, "the database has no " + what};
}

/// As a daemon does at its start: an export shows leaves, not the tables that they explain.
Status hold_against_itself(ledger::Database& database, ledger::View& view) {
    const std::atomic<bool> never{false};
    CHECK_OK(ledger::check_tiles(view));
    return ledger::check_leaves(database, never);
}

}  // namespace

Result<std::string> LedgerFiles::read(const std::string& path) {
    if (path == "checkpoint") {
        TRY(auto note, view_.latest_checkpoint());
        return note ? Result<std::string>(*std::move(note)) : missing(path);
    }
    if (const auto bundle = claw::parse_entries_path(path); bundle.ok()) {
        return entries(*bundle);
    }
    const auto id = claw::parse_tile_path(path);
    return id.ok() ? tile(*id) : missing(path);
}

Result<std::string> LedgerFiles::body(std::uint64_t leaf) {
    TRY(auto body, view_.leaf(leaf));
    return body ? Result<std::string>(*std::move(body)) : missing("leaf " + std::to_string(leaf));
}

Result<std::string> LedgerFiles::entries(const claw::BundleId& id) {
    if (id.index < pruned_ / claw::kTileWidth) {
        return missing("leaf " + std::to_string(id.index * claw::kTileWidth) + ": it was pruned");
    }
    std::vector<std::string> bodies(id.width);
    for (std::size_t i = 0; i < id.width; ++i) {
        TRY(bodies[i], body(id.index * claw::kTileWidth + i));
    }
    return claw::encode_entries(bodies);
}

/// The database keeps full tiles; a partial one is made from what is below it.
Result<std::string> LedgerFiles::tile(const claw::TileId& id) {
    std::vector<claw::TreeHash> hashes(id.width);
    if (id.width == claw::kTileWidth) {
        TRY(hashes, view_.full_tile(id.level, id.index));
        return claw::encode_tile(hashes);
    }
    for (std::size_t i = 0; i < id.width; ++i) {
        const std::uint64_t below = id.index * claw::kTileWidth + i;
        if (id.level == 0) {
            TRY(const std::string leaf, body(below));
            hashes[i] = claw::leaf_hash(base::as_bytes(leaf));
        } else {
            TRY(const auto full, view_.full_tile(id.level - 1, below));
            hashes[i] = claw::tree_hash(full);
        }
    }
    return claw::encode_tile(hashes);
}

Result<claw::Checkpoint> export_ledger(const std::filesystem::path& database,
                                       const std::filesystem::path& directory) {
    TRY(ledger::Database reader, ledger::open_reader(database));
    TRY(ledger::View view, ledger::View::of(reader));
    TRY(const claw::LogState state, view.state());
    TRY(const auto keys, claw::log_keys(state.settings()));
    TRY(const auto note, view.latest_checkpoint());
    if (keys.empty() || !note) {
        return missing("checkpoint");
    }
    TRY(const std::uint64_t size, attest::stated_size(*note));
    LedgerFiles from(view, claw::pruned_until(state.settings(), size));
    attest::LogDirectory to(directory);
    TRY(auto checkpoint,
        attest::export_log(from, to, keys.back(), [](std::uint64_t, std::uint64_t) {}));
    CHECK_OK(hold_against_itself(reader, view));
    return checkpoint;
}

}  // namespace clawsigner::daemon
