#pragma once

#include "base/result.h"
#include "daemon/access.h"
#include "daemon/connection.h"
#include "daemon/listener.h"
#include "daemon/log.h"
#include "daemon/role.h"
#include "service/appliance.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <vector>

namespace clawsigner::daemon {

/// Every socket, bound and listening, but not served yet, and its daemon's own user's alone.
/// Whoever has them knows that no other daemon serves this directory.
struct Sockets {
    /// Errors: as DirectoryLock::take and ListeningSocket::at.
    static Result<Sockets> bind(const std::filesystem::path& directory);

    DirectoryLock lock;
    ListeningSockets listening;
};

/// The sockets and their threads: those that sign on as many as wanted, admin.sock and observe.sock
/// on one each, so that a stuck token does not silence them.
class Server {
public:
    struct Settings {
        unsigned io_threads = 2;
        Access::Source access;
        AdmissionLimits bounds;
        ConnectionLimits limits;
        std::chrono::milliseconds drain{
            10'000};  // how long requests under way may take when stopping
    };

    /// Serves. `appliance` and `log` outlive the server. Error: io_failed.
    static Result<std::unique_ptr<Server>> start(Sockets sockets,
                                                 const service::Appliance& appliance,
                                                 const Log& log, const Settings& settings);

    virtual ~Server() = default;

    /// Takes no connection that is not waiting already, answers everything that has arrived, and
    /// returns when that is done or took too long.
    virtual void drain() = 0;
};

}  // namespace clawsigner::daemon
