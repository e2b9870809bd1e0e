#pragma once

#include "daemon/connection.h"
#include "service/appliance.h"

#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::tests {

/// Sends `bytes` over one connection to a door of this role, closes the sending side, and returns
/// everything that came back. The connection is the daemon's own, over a socket pair, on this
/// thread.
std::string exchange(const service::Appliance& appliance, daemon::Role role,
                     std::string_view bytes);

struct HttpReply {
    unsigned status = 0;
    std::string head;
    std::string body;
};

/// Cuts a stream of replies, each with a Content-Length. Aborts when it is no such stream.
std::vector<HttpReply> replies_in(std::string_view bytes);

}  // namespace clawsigner::tests
