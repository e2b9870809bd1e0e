#pragma once

#include "attest/log_directory.h"
#include "attest/log_files.h"
#include "claw/checkpoint.h"
#include "claw/leaf.h"

#include <cstdint>
#include <optional>
#include <string>

/// Logs that have let go of the bodies of their oldest leaves: what is left to read of them, and
/// what has to be held elsewhere before they may.
namespace clawsigner::attest {

/// The first leaf whose bundle is there, from `since` (a multiple of 256) on: what is between was
/// pruned, or is missing. `since` when no bundle is there. Errors: as LogFiles::read.
Result<std::uint64_t> first_readable(LogFiles& files, std::uint64_t since, std::uint64_t size);

/// The point that an `act` leaf's body sets with the row claw::kPrunedRow, or nothing.
std::optional<std::uint64_t> pruned_by(const std::string& body);

/// A log, with the entry bundles that it has no more from an older export of it.
class WithOlder final : public LogFiles {
public:
    /// Both outlive it.
    WithOlder(LogFiles& log, LogDirectory& older) : log_(log), older_(older) {}

    Result<std::string> read(const std::string& path) override;

private:
    LogFiles& log_;
    LogDirectory& older_;
};

/// A C2SP tlog-proof of one leaf, made from an export: its newest checkpoint's, with the leaf's
/// body as extra data. Whoever verifies it holds it against the log's key. Errors: not_found; as
/// FileTiles::tile; proof_invalid.
Result<std::string> prove_leaf(LogFiles& files, std::uint64_t leaf);

/// What may be pruned of a log that this export holds.
struct PrunePlan {
    std::uint64_t until = 0;  // the bodies of leaves before it: a multiple of 256
    std::uint64_t state = 0;  // the `state` leaf behind them, which states what they spent
};

/// The most that may go of what is older than `before`. The export was audited, and its checkpoint
/// is this one. Errors: not_found, when nothing is old enough or no `state` leaf stands behind it;
/// as LogFiles::read, claw::parse_leaf.
Result<PrunePlan> plan_pruning(LogFiles& files, const claw::Checkpoint& checkpoint,
                               UnixMillis before);

}  // namespace clawsigner::attest
