#include "service/appliance.h"

#include <algorithm>

namespace clawsigner::service {

std::string Appliance::backend_name(crypto::Family family) const {
    const auto home = keyring->home(family);
    if (!home.ok()) {
        return {};
    }
    const auto named = std::ranges::find(backends, home->backend, &NamedBackend::backend);
    return named == backends.end() ? std::string() : named->name;
}

}  // namespace clawsigner::service
