#pragma once

#include "base/result.h"
#include "claw/tile.h"
#include "service/appliance.h"

#include <cstdint>
#include <string>

/// What outsiders read of the log: all of it as of its newest checkpoint. Errors of all: not_found;
/// not_yet, before the first checkpoint; ledger_blocked, ledger_damaged.
namespace clawsigner::service {

/// The newest signed note.
Result<std::string> log_checkpoint(const Appliance& appliance);

/// A tile's bytes (C2SP tlog-tiles).
Result<std::string> log_tile(const Appliance& appliance, const claw::TileId& id);

/// An entry bundle's bytes: the bodies of `width` leaves from index * 256 on.
Result<std::string> log_entries(const Appliance& appliance, std::uint64_t index, std::size_t width);

/// A C2SP tlog-proof of one leaf, whose body is the proof's extra data. not_yet, while the leaf is
/// under no checkpoint.
Result<std::string> log_proof(const Appliance& appliance, std::uint64_t leaf);
/// The same for the leaf of an artefact: a receipt by its receipt_id, a token by its jti.
Result<std::string> log_proof(const Appliance& appliance, crypto::Family family,
                              std::string_view id);

}  // namespace clawsigner::service
