#pragma once

#include "base/handle.h"
#include "base/result.h"
#include "policy/roles.h"

#include <sys/types.h>
#include <vector>

namespace clawsigner::daemon {

/// Whom the kernel says is at the other end of a connected Unix socket: the credentials the process
/// had when it connected (unix(7), SO_PEERCRED and SO_PEERGROUPS).
struct Peer {
    uid_t uid = policy::kOverflowId;
    gid_t gid = 0;
    std::vector<gid_t> groups;
    /// For the log alone: a pid can be another process's by the time it is read.
    pid_t pid = 0;
    /// Was that process still alive when we looked? Told by a pidfd (SO_PEERPIDFD), which is of
    /// exactly the process that connected; false where the kernel has none.
    bool pid_is_certain = false;
};

/// Error: io_failed, when the kernel does not say.
Result<Peer> peer_of(int socket);

/// Is it one of these users, or a member of one of these groups? The overflow user never is.
bool is_one_of(const policy::Callers& callers, const Peer& peer);

}  // namespace clawsigner::daemon
