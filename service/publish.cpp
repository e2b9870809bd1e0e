#include "service/publish.h"

namespace clawsigner::service {

Result<std::vector<crypto::KeyIdentity>> published_keys(const Appliance& appliance,
                                                        crypto::Family family) {
    TRY(const auto signing, appliance.keyring->active(family));
    TRY(const auto home, appliance.keyring->home(family));
    std::vector<crypto::KeyIdentity> published{signing->identity()};
    for (const hsm::StoredKey& key : home.backend->keys()->keys) {
        if (key.name.family == family && !(key.id == signing->stored().id)) {
            published.push_back(crypto::identity_of(key.public_key));
        }
    }
    return published;
}

}  // namespace clawsigner::service
