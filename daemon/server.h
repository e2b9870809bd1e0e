#pragma once

#include "base/result.h"
#include "daemon/log.h"
#include "service/appliance.h"

#include <chrono>
#include <filesystem>
#include <memory>

namespace clawsigner::daemon {

/// The sockets and their threads: proxy.sock on as many threads as wanted, admin.sock on one of its
/// own, so that a stuck token never silences it.
class Server {
public:
    struct Settings {
        std::filesystem::path directory;
        unsigned io_threads = 2;
        std::chrono::milliseconds drain{
            10'000};  // how long requests under way may take when stopping
    };

    /// Binds every socket before it serves any. `appliance` and `log` outlive the server.
    /// Errors: config_invalid, io_failed.
    static Result<std::unique_ptr<Server>> start(const service::Appliance& appliance,
                                                 const Log& log, Settings settings);

    virtual ~Server() = default;

    /// Takes no new connection, answers what was asked, and returns when that is done or took too
    /// long.
    virtual void drain() = 0;
};

}  // namespace clawsigner::daemon
