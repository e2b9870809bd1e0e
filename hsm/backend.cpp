#include "hsm/backend.h"

#include <algorithm>

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

bool holds(const KeySnapshot& snapshot, const KeyId& key) {
    const auto is_key = [&](const StoredKey& stored) { return stored.id == key; };
    const auto is_rest = [&](const UnusableKey& other) { return other.id == key.text(); };
    return std::ranges::any_of(snapshot.keys, is_key) ||
           std::ranges::any_of(snapshot.unusable, is_rest);
}

}  // namespace clawsigner::hsm
