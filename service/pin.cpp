#include "service/pin.h"

#include <algorithm>

namespace clawsigner::service {
namespace {

Error no_such_backend(const Appliance& appliance) {
    std::string names;
    for (const NamedBackend& named : appliance.backends) {
        names.append(names.empty() ? "" : ", ").append(named.name);
    }
    return Error::at("backend", "must be one of: " + names);
}

Result<NamedBackend> find_backend(const Appliance& appliance,
                                  const std::optional<std::string>& name) {
    if (!name && appliance.backends.size() == 1) {
        return appliance.backends.front();
    }
    const auto found =
        std::ranges::find(appliance.backends, name.value_or(""), &NamedBackend::name);
    return found == appliance.backends.end() ? no_such_backend(appliance)
                                             : Result<NamedBackend>(*found);
}

}  // namespace

Result<BackendReport> retry_pin(const Appliance& appliance,
                                const std::optional<std::string>& backend) {
    TRY(const NamedBackend named, find_backend(appliance, backend));
    const auto status = named.backend->retry_pin(base::deadline_in(kPinWait));
    if (status.state == hsm::BackendState::held) {
        return status.why.value_or(hsm::not_ready(status.state));
    }
    appliance.prober->wake();
    return BackendReport{named.name, status};
}

}  // namespace clawsigner::service
