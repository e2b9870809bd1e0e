#pragma once

#include "base/result.h"
#include "daemon/listener.h"
#include "daemon/log.h"
#include "service/appliance.h"

#include <chrono>
#include <filesystem>
#include <memory>

namespace clawsigner::daemon {

/// Every socket, bound and listening, but not served yet. Whoever has them knows that no other
/// daemon serves this directory.
struct Sockets {
    /// Errors: as ListeningSocket::at.
    static Result<Sockets> bind(const std::filesystem::path& directory);

    DirectoryLock lock;
    ListeningSocket proxy;
    ListeningSocket admin;
};

/// The sockets and their threads: proxy.sock on as many threads as wanted, admin.sock on one of its
/// own, so that a stuck token does not silence it.
class Server {
public:
    struct Settings {
        unsigned io_threads = 2;
        std::chrono::milliseconds drain{
            10'000};  // how long requests under way may take when stopping
    };

    /// Serves. `appliance` and `log` outlive the server. Error: io_failed.
    static Result<std::unique_ptr<Server>> start(Sockets sockets,
                                                 const service::Appliance& appliance,
                                                 const Log& log, Settings settings);

    virtual ~Server() = default;

    /// Takes no new connection, answers what was asked, and returns when that is done or took too
    /// long.
    virtual void drain() = 0;
};

}  // namespace clawsigner::daemon
