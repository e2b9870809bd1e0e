#pragma once

#include "base/result.h"
#include "config/config.h"
#include "policy/roles.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace clawsigner::daemon {

/// Users and groups of this host as the numbers the kernel will show: a number is taken as it is, a
/// name is looked up. Error: invalid_field at `users` or `groups`, when there is none of that name.
Result<policy::Callers> callers_named(const std::vector<std::string>& users,
                                      const std::vector<std::string>& groups);

/// The configuration's [roles], likewise. Error: config_invalid, with file and line: a role, user
/// or group there is not, a role that lets nobody in, and the overflow user, who is never let in.
Result<policy::RoleTable> configured_roles(const config::Config& config);

}  // namespace clawsigner::daemon
