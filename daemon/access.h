#pragma once

#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/peer.h"
#include "daemon/role.h"

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace clawsigner::daemon {

/// Every socket of a directory, by its role.
using ListeningSockets = std::vector<std::pair<Role, ListeningSocket>>;

/// Who may use which socket, as the state says at the moment of asking. Thread-safe.
class Access {
public:
    /// Today's table, with every role in it; never null. Called for every request.
    using Source = std::function<std::shared_ptr<const policy::RoleTable>()>;

    /// `sockets` and `log` outlive it.
    Access(Source source, const ListeningSockets& sockets, const Log& log)
        : source_(std::move(source)), sockets_(sockets), log_(log) {}

    /// A role that the table lacks is nobody's.
    bool allows(Role role, const Peer& peer) const;

    /// Lets the sockets' files say what the table says, where it has changed: the daemon's user
    /// alone may connect, or everybody may and their credentials decide. A file that cannot be
    /// changed is named in the log and stays as it is.
    void follow();

private:
    const Source source_;
    const ListeningSockets& sockets_;
    const Log& log_;
    std::mutex mutex_;
    std::shared_ptr<const policy::RoleTable> followed_;
};

}  // namespace clawsigner::daemon
