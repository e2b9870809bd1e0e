#include "daemon/peer.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77  // Linux 6.5; Debian 12's headers do not have it
#endif

namespace clawsigner::daemon {
namespace {

constexpr std::size_t kMaxGroups = 65'536;  // NGROUPS_MAX of the kernel

Result<std::vector<gid_t>> groups_of(int socket) {
    std::vector<gid_t> groups(32);
    for (;;) {
        auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
        if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0) {
            groups.resize(size / sizeof(gid_t));
            return groups;
        }
        if (errno != ERANGE || groups.size() >= kMaxGroups) {
            return Error::from_errno("SO_PEERGROUPS", errno);
        }
        groups.resize(std::min(groups.size() * 2, kMaxGroups));
    }
}

/// A pidfd becomes readable when its process ends (pidfd_open(2)).
bool process_lives(int socket) {
    int fd = -1;
    socklen_t size = sizeof fd;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) != 0) {
        return false;
    }
    const base::UniqueFd pidfd(fd);
    pollfd ended{pidfd.get(), POLLIN, 0};
    return ::poll(&ended, 1, 0) == 0;
}

}  // namespace

Result<Peer> peer_of(int socket) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        return Error::from_errno("SO_PEERCRED", errno);
    }
    Peer peer;
    peer.uid = credentials.uid;
    peer.gid = credentials.gid;
    peer.pid = credentials.pid;
    TRY(peer.groups, groups_of(socket));
    peer.pid_is_certain = process_lives(socket);
    return peer;
}

bool is_one_of(const policy::Callers& callers, const Peer& peer) {
    if (peer.uid == policy::kOverflowId) {
        return false;
    }
    const auto listed = [&](gid_t group) { return callers.groups.contains(group); };
    return callers.users.contains(peer.uid) || listed(peer.gid) ||
           std::ranges::any_of(peer.groups, listed);
}

}  // namespace clawsigner::daemon
