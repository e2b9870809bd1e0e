#pragma once

#include "base/result.h"
#include "service/appliance.h"
#include "service/status.h"

#include <chrono>
#include <optional>
#include <string>

namespace clawsigner::service {

/// How long retry_pin waits for a store to say what it thinks of the PIN.
inline constexpr auto kPinWait = std::chrono::seconds(5);

/// A person says that the PIN is right now: a store that is held tries it once more. Returns how
/// the store is afterwards, also when it was not held. `backend` may be left out where there is
/// only one. Errors: invalid_field, for another store than there is; pin_held, when the store holds
/// again.
Result<BackendReport> retry_pin(const Appliance& appliance,
                                const std::optional<std::string>& backend);

}  // namespace clawsigner::service
