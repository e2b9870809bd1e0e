#pragma once

#include "base/result.h"
#include "claw/log_state.h"
#include "claw/tile_tree.h"
#include "ledger/view.h"

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

namespace clawsigner::ledger {

/// What a database held when it was opened.
struct Contents {
    claw::TileTree tree;
    claw::LogState state;
    std::optional<std::string> note;  // the newest checkpoint
    std::uint64_t checkpoint = 0;     // leaves under it
};

/// Reads the tail and every tile, of which there may be no more than the leaves make, hashes them
/// up to the root and holds that against the newest checkpoint: about half a second for a million
/// leaves. Errors: ledger_damaged, by the name of what is wrong; ledger_blocked.
Result<Contents> check_tiles(View& view);

/// Reads every leaf: its hash must stand in its tile, the rows it makes in the state's tables, and
/// nothing else may stand there; what is spent must be found by its names; each `state` leaf must
/// say what the leaves before it make. Where bodies were pruned, the rows in `spent` count as
/// theirs until the next `state` leaf says of all of them whether they are. Within one snapshot of
/// the database, so beside its writer. Ends early, well, once `stopping` is set. Errors: as
/// check_tiles.
Status check_leaves(Database& database, const std::atomic<bool>& stopping);

}  // namespace clawsigner::ledger
