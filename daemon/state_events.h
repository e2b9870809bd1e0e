#pragma once

#include "claw/leaf.h"
#include "daemon/log.h"
#include "hsm/backend.h"
#include "ledger/log.h"
#include "service/policies.h"

#include <string>

/// What changes below the sockets, as lines of the daemon's own log.
namespace clawsigner::daemon {

void log_state(const Log& log, const std::string& backend, const hsm::BackendStatus& status);
void log_act(const Log& log, const claw::ActLeaf& act);
void log_ledger(const Log& log, const ledger::LogStatus& status);
void log_policy_fault(const Log& log, const service::PolicyFault& fault);

}  // namespace clawsigner::daemon
