#include "crypto/family.h"

#include "crypto/public_key.h"

namespace clawsigner::crypto {

bool signs_with(Family family, Algorithm algorithm) noexcept {
    return family != Family::checkpoint || algorithm == Algorithm::ed25519;
}

}  // namespace clawsigner::crypto
