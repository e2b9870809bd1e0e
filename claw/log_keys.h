#pragma once

#include "base/result.h"
#include "claw/log_state.h"
#include "claw/note_key.h"

#include <vector>

namespace clawsigner::claw {

/// Who has signed the log's checkpoints, as its own state says: the key it began with, and every
/// version of the family `checkpoint`, also one that is compromised since: its notes are how the
/// log knows itself again. Whom an outsider trusts is the outsider's to say. Empty before the log's
/// first checkpoint. Errors: as NoteKey::parse, parse_key_record.
Result<std::vector<NoteKey>> log_keys(const Settings& state);

}  // namespace clawsigner::claw
