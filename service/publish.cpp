#include "service/publish.h"

namespace clawsigner::service {

Result<std::vector<crypto::KeyIdentity>> published_keys(const Appliance& appliance,
                                                        crypto::Family family) {
    TRY(const auto key, appliance.keyring->active(family));
    return std::vector{key->identity()};
}

}  // namespace clawsigner::service
