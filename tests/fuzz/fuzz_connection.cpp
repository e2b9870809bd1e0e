#include "fuzz/fuzz.h"
#include "support/http_exchange.h"
#include "support/software_appliance.h"

namespace clawsigner::fuzz {

// A whole connection, from the first byte to the close: whatever comes in, what goes out is a
// stream of HTTP replies.
void fuzz(std::span<const std::uint8_t> input) {
    static const tests::SoftwareAppliance kOn;
    if (input.empty()) {
        return;
    }
    const auto role = (input[0] & 1U) != 0 ? daemon::Role::admin : daemon::Role::proxy;
    for (const auto& reply :
         tests::replies_in(tests::exchange(kOn.appliance, role, as_text(input.subspan(1))))) {
        require(reply.status >= 100 && reply.status < 600);
    }
}

}  // namespace clawsigner::fuzz
