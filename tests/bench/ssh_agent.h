#pragma once

#include "bench/exchange.h"

#include <filesystem>

namespace clawsigner::bench {

/// SSH_AGENTC_SIGN_REQUEST with the first ECDSA P-256 key of the agent behind this socket
/// (draft-miller-ssh-agent). Errors: io_failed; key_missing.
Result<Exchange> agent_signature(const std::filesystem::path& socket);

}  // namespace clawsigner::bench
