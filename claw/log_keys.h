#pragma once

#include "base/result.h"
#include "claw/log_state.h"
#include "claw/note_key.h"

#include <vector>

namespace clawsigner::claw {

/// Who may sign the log's checkpoints, as its own state says: the key it began with, and every
/// version of the family `checkpoint` that was not compromised. Empty before the log's first
/// checkpoint. Errors: as NoteKey::parse, parse_key_record.
Result<std::vector<NoteKey>> log_keys(const Settings& state);

}  // namespace clawsigner::claw
