#include "service/status.h"

#include "claw/note_key.h"
#include "claw/pruned.h"
#include "service/checkpointer.h"

#include <algorithm>

namespace clawsigner::service {
namespace {

FamilyReport report_of(const Appliance& appliance, crypto::Family family) {
    FamilyReport report;
    report.family = family;
    report.backend = appliance.backend_name(family);
    if (const auto key = appliance.keyring->active(family); key.ok()) {
        report.key = (*key)->identity();
    }
    report.readiness = readiness(appliance, family);
    report.last_probe = appliance.prober->record(family).succeeded_at;
    return report;
}

/// The key that signs checkpoints now, else the one the log began with.
std::optional<std::string> log_key(const Appliance& appliance,
                                   const std::optional<std::string>& origin) {
    const auto active = appliance.keyring->active(crypto::Family::checkpoint);
    if (origin && active.ok()) {
        if (const auto key = claw::NoteKey::of(*origin, (*active)->identity().key); key.ok()) {
            return key->text();
        }
    }
    return appliance.ledger->setting("log_key");
}

}  // namespace

bool StatusReport::ready() const noexcept {
    return ledger.health == ledger::Health::good &&
           std::ranges::all_of(families,
                               [](const FamilyReport& report) { return report.readiness.ready(); });
}

StatusReport status(const Appliance& appliance) {
    StatusReport report;
    report.started = appliance.started;
    for (const NamedBackend& named : appliance.backends) {
        report.backends.push_back({named.name, named.backend->status()});
    }
    for (const crypto::Family family : appliance.families) {
        report.families.push_back(report_of(appliance, family));
    }
    report.ledger = appliance.ledger->status();
    report.origin = appliance.ledger->setting("origin");
    report.log_key = log_key(appliance, report.origin);
    report.pruned = claw::pruned_until(*appliance.ledger->settings());
    report.clock_behind = appliance.time->behind();
    report.checkpoint_failure = appliance.checkpointer->failure();
    return report;
}

}  // namespace clawsigner::service
