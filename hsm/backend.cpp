#include "hsm/backend.h"

namespace clawsigner::hsm {

std::string_view state_name(BackendState state) noexcept {
    switch (state) {
        case BackendState::absent:
            return "absent";
        case BackendState::opening:
            return "opening";
        case BackendState::ready:
            return "ready";
        case BackendState::suspect:
            return "suspect";
        case BackendState::held:
            return "held";
    }
    return "absent";
}

Error not_ready(BackendState state) {
    return {state == BackendState::held ? ErrorCode::pin_held : ErrorCode::hsm_down,
            "the key store is " + std::string(state_name(state))};
}

}  // namespace clawsigner::hsm
