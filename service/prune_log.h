#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "claw/json_reader.h"
#include "claw/merkle.h"
#include "ledger/log.h"
#include "service/lifecycle.h"

#include <cstdint>
#include <string>
#include <string_view>

/// Letting go of old leaf bodies that an export holds: what is asked for, and whether it may be.
namespace clawsigner::service {

/// Bodies of leaves that make no state go, of those before `until`.
struct Pruning {
    UnixMillis before;        // all of them are older
    std::uint64_t until = 0;  // a multiple of 256
    std::uint64_t state = 0;  // a `state` leaf behind them
    std::uint64_t size = 0;   // of the tree that the export's checkpoint signs
    claw::TreeHash root{};    // and its root
};

/// Canonical JSON: {"before":…,"root":…,"size":…,"state":…,"until":…}, the root in base64 as a
/// checkpoint has it.
std::string pruning_text(const Pruning& pruning);
/// Errors: malformed_json, invalid_field.
Result<Pruning> parse_pruning(std::string_view text);
/// The same members of an object that may have others; faults are the reader's.
Pruning read_pruning(claw::JsonReader& in);

/// Would it be done now? The export's tree must be the beginning of this log. Errors: not_yet,
/// while the ledger is not checked or has no checkpoint; invalid_field, by what is not so;
/// ledger_blocked, ledger_damaged.
Status may_prune(ledger::Log& log, const Pruning& pruning, UnixMillis now);

/// The row that has the ledger do it.
RowSet pruning_rows(const Pruning& pruning);

}  // namespace clawsigner::service
