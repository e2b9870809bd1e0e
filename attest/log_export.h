#pragma once

#include "attest/log_directory.h"
#include "claw/checkpoint.h"

#include <cstdint>
#include <functional>
#include <optional>

namespace clawsigner::attest {

/// Leaves that are through, and how many there are.
using Progress = std::function<void(std::uint64_t, std::uint64_t)>;

/// Brings `to` to the newest checkpoint of `from`: tiles first, the checkpoint last, so that
/// whoever reads meanwhile sees the log before or after. Full tiles and bundles that are there are
/// held against the checkpoint, too, but not read from `from`. The checkpoint must be signed by
/// `key` (none: the key that the log names) and continue the one that is there. Of leaves that the
/// log has pruned, and says so, tiles are brought and no bodies; those that are there stay.
/// Errors: as LogFiles::read and LogDirectory::keep; proof_invalid, by what does not hold.
Result<claw::Checkpoint> export_log(LogFiles& from, LogDirectory& to,
                                    const std::optional<claw::NoteKey>& key,
                                    const Progress& progress);

}  // namespace clawsigner::attest
