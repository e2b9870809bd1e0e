#include "claw/jwks.h"
#include "fuzz/fuzz.h"

namespace clawsigner::fuzz {

void fuzz(std::span<const std::uint8_t> input) {
    const auto keys = claw::parse_jwks(as_text(input));
    if (keys.ok()) {
        require(claw::parse_jwks(claw::jwks_text(*keys)).value() == *keys);
    }
}

}  // namespace clawsigner::fuzz
