#pragma once

#include "base/result.h"
#include "config/config.h"
#include "daemon/log.h"
#include "ledger/log.h"
#include "policy/operators.h"
#include "service/approvals.h"
#include "service/policies.h"
#include "service/powers.h"

#include <optional>

/// What the configuration says of power, at the first start. What the ledger says afterwards is not
/// read from a file again: where they differ, that is logged, and the ledger's holds. A ledger that
/// cannot be written is no error here; it says so in the status.
namespace clawsigner::daemon {

/// Whom the configuration says to believe. Error: config_invalid.
Result<service::TrustState> configured_trust(const config::Config& config);

/// Who the configuration says may approve; nobody, when it names no file. Error: config_invalid,
/// where file and quorum make no operators who could approve of anything now.
Result<std::optional<policy::Operators>> configured_operators(const config::Config& config,
                                                              UnixMillis now);

/// Errors: as configured_operators, service::Approvals::seed.
Status seed_operators(const config::Config& config, service::Approvals& approvals, UnixMillis now);

void seed_ceiling(const config::Config& config, service::Powers& powers, const Log& log);

/// Also that the configuration names no roles is remembered. Errors: as configured_roles, at the
/// first start; as service::Powers::named_roles.
Status seed_roles(const config::Config& config, const ledger::Log& ledger, service::Powers& powers,
                  const Log& log);

/// Also that nobody is believed is remembered, so that a file that is edited later widens nothing.
/// Errors: as configured_trust, service::Policies::seed.
Status seed_trust(const config::Config& config, service::Policies& policies, const Log& log);

}  // namespace clawsigner::daemon
