#pragma once

#include "base/result.h"
#include "crypto/key_forms.h"
#include "service/appliance.h"

#include <vector>

namespace clawsigner::service {

/// The public keys verifiers of this family's artefacts need now, the signing one first. Known keys
/// are published also while their store is down. Errors: key_missing, hsm_down, pin_held.
Result<std::vector<crypto::KeyIdentity>> published_keys(const Appliance& appliance,
                                                        crypto::Family family);

}  // namespace clawsigner::service
