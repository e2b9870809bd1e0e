#include "service/readiness.h"

namespace clawsigner::service {

Readiness readiness(const Appliance& appliance, crypto::Family family) {
    if (const Status ready = appliance.ledger->ready(); !ready.ok()) {
        return {{ready.error()}};
    }
    const auto key = appliance.keyring->active(family);
    if (!key.ok()) {
        return {{key.error()}};
    }
    const auto home = appliance.keyring->home(family);
    if (!home.ok()) {
        return {{home.error()}};
    }
    if (const auto state = home->backend->status().state; state != hsm::BackendState::ready) {
        return {{hsm::not_ready(state)}};
    }
    const ProbeRecord record = appliance.prober->record(family);
    if (record.failure) {
        return {{*record.failure}};
    }
    if (!record.succeeded ||
        std::chrono::steady_clock::now() - *record.succeeded > Prober::kFresh) {
        return {{Error(ErrorCode::hsm_down,
                       "no probe signature was made and verified within the last 15 seconds")}};
    }
    return {};
}

Readiness readiness(const Appliance& appliance) {
    Readiness all;
    for (const crypto::Family family : appliance.families) {
        Readiness one = readiness(appliance, family);
        for (Error& reason : one.reasons) {
            reason.message = std::string(crypto::family_name(family)) + ": " + reason.message;
            all.reasons.push_back(std::move(reason));
        }
    }
    return all;
}

}  // namespace clawsigner::service
