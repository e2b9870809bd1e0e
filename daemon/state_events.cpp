#include "daemon/state_events.h"

#include "claw/json_writer.h"

#include <utility>

namespace clawsigner::daemon {

void log_state(const Log& log, const std::string& backend, const hsm::BackendStatus& status) {
    const bool good = status.state == hsm::BackendState::ready;
    claw::JsonWriter members;
    members.text("backend", backend).text("state", state_name(status.state));
    if (!status.device.empty()) {
        members.text("device", status.device);
    }
    if (status.why) {
        members.text("code", wire_name(status.why->code)).text("reason", status.why->message);
    }
    log.event("backend.state", good ? Log::Level::info : Log::Level::warning, std::move(members));
}

void log_act(const Log& log, const claw::ActLeaf& act) {
    claw::JsonWriter members;
    members.text("act", act.act).text("subject", act.subject);
    if (act.caller) {
        members.integer("uid", act.caller->uid);
    }
    members.optional_text("why", act.why).optional_text("approved", act.request);
    log.event("state.act", Log::Level::info, std::move(members));
}

void log_ledger(const Log& log, const ledger::LogStatus& status) {
    const bool good = status.health == ledger::Health::good;
    claw::JsonWriter members;
    members.text("state", ledger::health_name(status.health))
        .integer("size", static_cast<std::int64_t>(status.size));
    if (status.why) {
        members.text("code", wire_name(status.why->code)).text("reason", status.why->message);
    }
    log.event("ledger.state", good ? Log::Level::info : Log::Level::error, std::move(members));
}

void log_policy_fault(const Log& log, const service::PolicyFault& fault) {
    log.event("policy.unavailable", Log::Level::error,
              std::move(claw::JsonWriter()
                            .text("row", fault.row)
                            .text("code", wire_name(fault.why.code))
                            .text("reason", fault.why.message)));
}

}  // namespace clawsigner::daemon
