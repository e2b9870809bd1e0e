#pragma once

#include "ledger/log.h"

namespace clawsigner::service {

/// What was made and signed, and the leaves that must be on disk before anybody gets it. The entry
/// is empty for what was handed out before, and is handed out again.
template <class T>
struct Made {
    T artefact;
    ledger::Entry entry;
};

}  // namespace clawsigner::service
