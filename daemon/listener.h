#pragma once

#include "base/handle.h"
#include "base/result.h"

#include <filesystem>

namespace clawsigner::daemon {

/// A listening Unix socket, reachable by its owner only (mode 0600 from the first moment). A socket
/// that a dead daemon left behind is replaced; one that somebody answers on is not. Errors:
/// config_invalid (path too long, in use), io_failed.
Result<base::UniqueFd> listen_on(const std::filesystem::path& path);

}  // namespace clawsigner::daemon
