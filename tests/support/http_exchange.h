#pragma once

#include "daemon/connection.h"
#include "service/appliance.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::tests {

/// How the door is, and how the client behaves, where it matters.
struct ExchangeTerms {
    uid_t user = 1000;  // the door lets in 1000, and members of group 2000
    std::vector<gid_t> groups;
    daemon::AdmissionLimits bounds;
    daemon::ConnectionLimits limits;
    bool half_close = true;        // the client closes its sending side when all is sent
    std::size_t piece = SIZE_MAX;  // so many bytes at once; the next when these have been looked at
};

/// Sends `bytes` over one connection to a door of this role, and returns
/// everything that came back. The connection is the daemon's own, over a socket pair, on this
/// thread.
std::string exchange(const service::Appliance& appliance, daemon::Role role, std::string_view bytes,
                     const ExchangeTerms& terms = {});

/// Serves two clients on one thread, both of whom have sent everything before the first is looked
/// at. Returns what had come back to the first when the second had been answered.
std::string first_when_second_is_done(const service::Appliance& appliance, daemon::Role role,
                                      std::string_view first, std::string_view second);

struct HttpReply {
    unsigned status = 0;
    std::string head;
    std::string body;
};

/// Cuts a stream of replies, each with a Content-Length. Aborts when it is no such stream.
std::vector<HttpReply> replies_in(std::string_view bytes);

}  // namespace clawsigner::tests
