#pragma once

#include "base/result.h"
#include "service/appliance.h"

#include <vector>

namespace clawsigner::service {

/// Can this family sign? It can when its store is ready, and its key made and verified a probe
/// signature within the last 15 seconds and has not failed since. `reasons` is empty exactly when
/// it is ready.
struct Readiness {
    std::vector<Error> reasons;
    bool ready() const noexcept { return reasons.empty(); }
};

Readiness readiness(const Appliance& appliance, crypto::Family family);
/// Of every family that is configured.
Readiness readiness(const Appliance& appliance);

}  // namespace clawsigner::service
