#include "service/show_token.h"

#include "claw/javascript_text.h"
#include "service/policies.h"

#include <algorithm>

namespace clawsigner::service {

Result<std::shared_ptr<const PresentedToken>> show_token(const Appliance& appliance,
                                                         const PolicySnapshot& policies,
                                                         std::string_view cst, UnixMillis now,
                                                         PresentedTokens::Keys keys) {
    TRY(auto presented, appliance.presented->verify(cst, now, keys));
    const auto& accepted = policies.trust.audiences;
    const auto is_accepted = [&](const std::string& audience) {
        return std::ranges::find(accepted, claw::trim(audience)) != accepted.end();
    };
    if (std::ranges::none_of(presented->token.grant.aud, is_accepted)) {
        return Error::denied("token.audience", "cst",
                             "is for no audience that is accepted here: clawsigner trust show");
    }
    return presented;
}

}  // namespace clawsigner::service
