#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "ledger/database.h"

#include <cstdint>

/// How leaf bodies go once the state says that they may: in steps that are small enough to stand
/// between two groups of leaves.
namespace clawsigner::ledger {

/// Leaves that one step looks at: one bundle.
inline constexpr std::int64_t kLeavesAStep = 256;

/// What a step did.
struct PruneStep {
    std::uint64_t next = 0;     // the leaf to go on with
    std::uint64_t dropped = 0;  // bodies
    bool waits = false;         // for an answer that is still kept for whoever asks again
};

/// Deletes bodies from leaf `first` on, of those below `until` that the state does not need
/// (claw::is_kept). A leaf whose answer is still kept at `now` keeps its body, so that a request
/// that is sent again can be known. Within the caller's transaction. Errors: as sqlite_error;
/// ledger_damaged, when a body is no leaf.
Result<PruneStep> drop_bodies(Database& database, std::uint64_t first, std::uint64_t until,
                              UnixMillis now);

}  // namespace clawsigner::ledger
