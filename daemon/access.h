#pragma once

#include "base/result.h"
#include "config/config.h"
#include "daemon/server.h"

namespace clawsigner::daemon {

/// The configuration's users and groups as the numbers the kernel will show. Names are looked up
/// once. Error: config_invalid, with file and line: a role, user or group there is not, and the
/// overflow user, who is never let in.
Result<AccessTable> access_table(const config::Config& config);

}  // namespace clawsigner::daemon
