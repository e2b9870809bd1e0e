#pragma once

#include "base/handle.h"
#include "base/result.h"

#include <set>
#include <sys/types.h>
#include <vector>

namespace clawsigner::daemon {

/// The uid the kernel shows for a user it cannot name here (another user namespace's). It is
/// everybody and nobody, so it is never let in.
inline constexpr uid_t kOverflowUid = 65534;

/// Whom the kernel says is at the other end of a connected Unix socket: the credentials the process
/// had when it connected (unix(7), SO_PEERCRED and SO_PEERGROUPS).
struct Peer {
    uid_t uid = kOverflowUid;
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

/// Who may use a socket: users, and members of groups. Empty lets nobody in.
class AccessList {
public:
    AccessList() = default;
    AccessList(std::set<uid_t> users, std::set<gid_t> groups)
        : users_(std::move(users)), groups_(std::move(groups)) {}

    bool allows(const Peer& peer) const;
    /// Nobody but this user gets in: the socket's file can say so, too.
    bool only(uid_t user) const;

private:
    std::set<uid_t> users_;
    std::set<gid_t> groups_;
};

}  // namespace clawsigner::daemon
