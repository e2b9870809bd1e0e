#include "service/publish.h"

#include "service/lifecycle.h"

namespace clawsigner::service {

Result<std::vector<crypto::KeyIdentity>> published_keys(const Appliance& appliance,
                                                        crypto::Family family) {
    const auto families = appliance.lifecycle->families();
    const claw::FamilyKeys& keys = families->at(family);
    const UnixMillis now = appliance.clock->now();
    std::vector<crypto::KeyIdentity> published;
    for (const claw::KeyState state :
         {claw::KeyState::active, claw::KeyState::pending, claw::KeyState::verify_only}) {
        for (auto record = keys.versions.rbegin(); record != keys.versions.rend(); ++record) {
            if (record->state == state && claw::is_published(*record, now)) {
                published.push_back(crypto::identity_of(record->public_key));
            }
        }
    }
    if (published.empty()) {
        TRY(const auto signing, appliance.keyring->active(family));
        published.push_back(signing->identity());
    }
    return published;
}

}  // namespace clawsigner::service
