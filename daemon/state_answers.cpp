#include "claw/json_writer.h"
#include "daemon/answers.h"

/// How the appliance stands, its stores, families and keys.
namespace clawsigner::daemon {
namespace {

using claw::JsonWriter;

std::string attributes_text(const hsm::KeyAttributes& attributes) {
    return JsonWriter()
        .boolean("sensitive", attributes.sensitive)
        .boolean("always_sensitive", attributes.always_sensitive)
        .boolean("extractable", attributes.extractable)
        .boolean("never_extractable", attributes.never_extractable)
        .boolean("local", attributes.local)
        .boolean("modifiable", attributes.modifiable)
        .done();
}

std::string key_text(const service::KeyView& view) {
    const claw::KeyRecord& record = view.record;
    JsonWriter out;
    out.optional_text("id", record.id)
        .text("family", family_name(record.family))
        .integer("version", record.version)
        .text("state", key_state_name(record.state))
        .boolean("signing", view.signing)
        .text("algorithm", algorithm_name(record.public_key.algorithm()))
        .text("kid", view.identity.kid)
        .text("did", view.identity.did);
    if (!view.backend.empty()) {
        out.text("backend", view.backend);
    }
    out.text("assurance", "host-asserted").time("created", record.created);
    out.optional_time("activate_at", record.activate_at);
    out.optional_time("active_since", record.active_since);
    out.optional_time("active_until", record.active_until);
    out.optional_time("not_after", record.not_after);
    out.optional_time("compromised_since", record.compromised_since);
    if (record.compromised_leaf) {
        out.integer("compromised_leaf", static_cast<std::int64_t>(*record.compromised_leaf));
    }
    out.optional_text("proof", record.proof);
    if (view.attributes) {
        out.raw("attributes", attributes_text(*view.attributes));
    }
    if (view.fault) {
        out.raw("fault", error_text(*view.fault));
    }
    return out.done();
}

std::string family_view_text(const service::FamilyView& view) {
    return JsonWriter()
        .text("family", family_name(view.family))
        .boolean("frozen", view.frozen)
        .done();
}

std::string unusable_text(const service::UnusableKeyView& view) {
    return JsonWriter()
        .text("id", view.key.id)
        .text("label", view.key.label)
        .text("backend", view.backend)
        .text("reason", view.key.why.message)
        .done();
}

std::string backend_text(const service::BackendReport& report) {
    JsonWriter out;
    out.text("name", report.name)
        .text("state", state_name(report.status.state))
        .time("since", report.status.since);
    if (!report.status.device.empty()) {
        out.text("device", report.status.device);
    }
    if (report.status.why) {
        out.raw("why", error_text(*report.status.why));
    }
    return out.done();
}

std::string family_text(const service::FamilyReport& report) {
    JsonWriter out;
    out.text("family", family_name(report.family)).text("backend", report.backend);
    if (report.key) {
        out.text("kid", report.key->kid).text("did", report.key->did);
    }
    out.boolean("ready", report.readiness.ready());
    out.optional_time("last_probe", report.last_probe);
    return out.raw("reasons", claw::json_array_of(report.readiness.reasons, error_text)).done();
}

std::string ledger_text(const service::StatusReport& report) {
    const ledger::LogStatus& ledger = report.ledger;
    JsonWriter out;
    out.text("state", ledger::health_name(ledger.health))
        .time("since", ledger.since)
        .optional_text("origin", report.origin)
        .optional_text("log_key", report.log_key)
        .integer("size", static_cast<std::int64_t>(ledger.size))
        .integer("checkpoint", static_cast<std::int64_t>(ledger.checkpoint))
        .integer("pruned", static_cast<std::int64_t>(report.pruned))
        .boolean("checked", ledger.checked);
    if (ledger.why) {
        out.raw("why", error_text(*ledger.why));
    }
    if (report.checkpoint_failure) {
        out.raw("checkpoint_failure", error_text(*report.checkpoint_failure));
    }
    return out.done();
}

std::string clock_text(const service::StatusReport& report) {
    constexpr std::chrono::seconds kSteps{1};  // such as time synchronisation makes
    const bool behind = report.clock_behind > kSteps;
    return JsonWriter()
        .text("state", behind ? "behind" : "good")
        .integer("behind_ms", report.clock_behind.count())
        .done();
}

}  // namespace

Answer status_answer(const service::StatusReport& report) {
    return good_answer(JsonWriter()
                           .text("version", CLAWSIGNER_VERSION)
                           .time("started", report.started)
                           .boolean("ready", report.ready())
                           .raw("backends", claw::json_array_of(report.backends, backend_text))
                           .raw("families", claw::json_array_of(report.families, family_text))
                           .raw("ledger", ledger_text(report))
                           .raw("clock", clock_text(report))
                           .done());
}

Answer backend_answer(const service::BackendReport& report) {
    return good_answer(JsonWriter().raw("backend", backend_text(report)).done());
}

Answer key_list_answer(const service::KeyList& list) {
    return good_answer(JsonWriter()
                           .raw("families", claw::json_array_of(list.families, family_view_text))
                           .raw("keys", claw::json_array_of(list.keys, key_text))
                           .raw("unusable", claw::json_array_of(list.unusable, unusable_text))
                           .done());
}

Answer discarded_answer(const std::vector<service::UnusableKeyView>& keys) {
    return good_answer(
        JsonWriter().raw("discarded", claw::json_array_of(keys, unusable_text)).done());
}

Answer key_answer(unsigned status, const service::KeyView& view) {
    return good_answer(JsonWriter().raw("key", key_text(view)).done(), status);
}

Answer family_answer(const service::FamilyView& view) {
    return good_answer(JsonWriter().raw("family", family_view_text(view)).done());
}

}  // namespace clawsigner::daemon
