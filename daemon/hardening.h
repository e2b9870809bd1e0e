#pragma once

#include "base/result.h"

namespace clawsigner::daemon {

/// What keeps this process's memory from its surroundings: no core dump, no ptrace by its own user,
/// no new privileges by exec. Error: io_failed, when the kernel refuses any of them.
Status harden_process();

}  // namespace clawsigner::daemon
