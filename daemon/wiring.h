#pragma once

#include "base/result.h"
#include "config/config.h"
#include "daemon/log.h"
#include "service/appliance.h"

#include <memory>

namespace clawsigner::daemon {

/// Everything below the sockets, made from the configuration and alive as long as this.
class Wiring {
public:
    /// Opens the stores in the background. Error: config_invalid, with file and line.
    static Result<std::unique_ptr<Wiring>> make(const config::Config& config, const Log& log);
    /// Everything `make` would refuse, and what it would only find out later: sockets' directory,
    /// modules and PIN files that cannot be used. Touches no device. Error: as make; io_failed.
    static Status check(const config::Config& config);

    virtual ~Wiring() = default;
    virtual const service::Appliance& appliance() const = 0;
    /// When nothing is asked any more: the log's last leaves and a checkpoint over them. Errors: as
    /// service::Checkpointer::close.
    virtual Status close_ledger(Deadline deadline) = 0;
};

}  // namespace clawsigner::daemon
