#pragma once

#include "base/result.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace clawsigner::cli {

struct Reply {
    unsigned status = 0;
    std::string body;
};

/// One request to a daemon over its Unix socket, and its reply. Waits at most 30 s for it.
/// Error: unreachable, when nobody listens, the socket may not be used, or the reply is not HTTP.
Result<Reply> request(const std::filesystem::path& socket, std::string_view method,
                      std::string_view target, std::string_view body);

}  // namespace clawsigner::cli
