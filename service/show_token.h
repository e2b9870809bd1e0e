#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "service/appliance.h"
#include "service/presented_token.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace clawsigner::service {

struct PolicySnapshot;

/// Rounded down.
inline std::int64_t unix_seconds(UnixMillis time) {
    return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// A token that is shown by a proxy: one of ours, for an audience that is accepted here. Its time
/// is not judged. Errors: as PresentedTokens::verify; policy_denied at "cst" by token.audience.
Result<std::shared_ptr<const PresentedToken>> show_token(
    const Appliance& appliance, const PolicySnapshot& policies, std::string_view cst,
    UnixMillis now, PresentedTokens::Keys keys = PresentedTokens::Keys::published);

}  // namespace clawsigner::service
