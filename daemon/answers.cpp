#include "daemon/answers.h"

#include "claw/json_writer.h"
#include "claw/receipt.h"
#include "claw/token.h"

#include <algorithm>

namespace clawsigner::daemon {
namespace {

using claw::JsonWriter;

/// [a,b,…] of whatever `print` makes of each element.
template <class Range, class Print>
std::string array_of(const Range& range, Print print) {
    std::string text = "[";
    for (const auto& element : range) {
        text.append(text.size() > 1 ? "," : "").append(print(element));
    }
    return text.append("]");
}

std::string error_text(const Error& error) {
    JsonWriter out;
    out.text("code", wire_name(error.code));
    if (!error.rule.empty()) {
        out.text("rule", error.rule);
    }
    if (!error.field.empty()) {
        out.text("field", error.field);
    }
    return out.text("message", error.message).done();
}

std::string error_object(const Error& error) {
    return JsonWriter().raw("error", error_text(error)).done();
}

std::string receipt_text(const service::SignedReceipt& receipt) {
    JsonWriter out;
    out.raw("envelope", receipt.envelope);
    if (receipt.legacy) {
        out.raw("legacy", *receipt.legacy);
    }
    return out.done();
}

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
    return out.raw("reasons", array_of(report.readiness.reasons, error_text)).done();
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

unsigned http_status(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::bad_request:
        case ErrorCode::malformed_json:
        case ErrorCode::invalid_field:
        case ErrorCode::timestamp_skew:
        case ErrorCode::scope_too_large:
            return 400;
        case ErrorCode::policy_denied:
        case ErrorCode::forbidden:
        case ErrorCode::approval_invalid:
            return 403;
        case ErrorCode::not_found:
            return 404;
        case ErrorCode::method_not_allowed:
            return 405;
        case ErrorCode::timeout:
            return 408;
        case ErrorCode::key_exists:
        case ErrorCode::key_in_use:
        case ErrorCode::nonce_reused:
        case ErrorCode::id_reused:
        case ErrorCode::illegal_transition:
        case ErrorCode::rotation_pending:
        case ErrorCode::approval_required:
        case ErrorCode::approval_expired:
        case ErrorCode::approval_repeated:
        case ErrorCode::no_operators:
            return 409;
        case ErrorCode::too_large:
            return 413;
        case ErrorCode::unsupported:
            return 501;
        case ErrorCode::device_locked:
        case ErrorCode::device_auth:
        case ErrorCode::device_full:
        case ErrorCode::device_changed:
        case ErrorCode::boot_not_approved:
        case ErrorCode::hsm_down:
        case ErrorCode::pin_held:
        case ErrorCode::key_missing:
        case ErrorCode::key_quarantined:
        case ErrorCode::key_frozen:
        case ErrorCode::key_not_active:
        case ErrorCode::queue_full:
        case ErrorCode::ledger_blocked:
        case ErrorCode::ledger_damaged:
        case ErrorCode::not_yet:
            return 503;
        case ErrorCode::unset:
        case ErrorCode::internal:
        case ErrorCode::proof_invalid:
        case ErrorCode::config_invalid:
        case ErrorCode::io_failed:
        case ErrorCode::unreachable:
            return 500;
    }
    return 500;
}

Answer error_answer(const Error& error) {
    Answer answer{
        http_status(error.code), error_object(error), {}, wire_name(error.code), error.rule};
    if (error.code == ErrorCode::queue_full || error.code == ErrorCode::not_yet ||
        error.code == ErrorCode::key_not_active) {
        answer.headers.emplace_back("Retry-After", std::to_string(std::max(error.retry_after, 1U)));
    }
    return answer;
}

Answer receipt_answer(const service::SignedReceipt& receipt) {
    return {200, receipt_text(receipt), {}, {}};
}

Answer batch_answer(const service::ReceiptBatch& batch) {
    const auto print = [](const Result<service::SignedReceipt>& result) {
        return result.ok() ? receipt_text(*result) : error_object(result.error());
    };
    return {200, JsonWriter().raw("results", array_of(batch.results(), print)).done(), {}, {}};
}

Answer token_answer(const service::IssuedToken& token) {
    return {200,
            JsonWriter()
                .text("token", token.token)
                .raw("claims", token.claims)
                .text("kid", token.kid)
                .text("token_hash", token.token_hash)
                .text("token_scope_hash_b64u", token.scope_hash)
                .done(),
            {},
            {}};
}

Answer decision_answer(const service::Decided& decided) {
    const auto text_or_null = [](JsonWriter& out, const char* name,
                                 const std::optional<std::string>& value) {
        value ? out.text(name, *value) : out.raw(name, "null");
    };
    JsonWriter out;
    out.boolean("allow", decided.allow).text("rule", decided.rule);
    if (!decided.allow) {
        out.text("reason", decided.reason);
    }
    text_or_null(out, "decision_id", decided.decision_id);
    text_or_null(out, "policy_hash", decided.policy_hash);
    text_or_null(out, "token_scope_hash_b64u", decided.token_scope_hash);
    std::optional<std::string> until;
    if (decided.allow) {
        until = base::format_utc(UnixMillis(std::chrono::seconds(decided.valid_until)));
    }
    text_or_null(out, "valid_until", until);
    return {200, out.done(), {}, {}};
}

Answer readiness_answer(const service::Readiness& readiness) {
    return {readiness.ready() ? 200U : 503U,
            JsonWriter()
                .boolean("ready", readiness.ready())
                .raw("reasons", array_of(readiness.reasons, error_text))
                .done(),
            {},
            {}};
}

Answer status_answer(const service::StatusReport& report) {
    return {200,
            JsonWriter()
                .text("version", CLAWSIGNER_VERSION)
                .time("started", report.started)
                .boolean("ready", report.ready())
                .raw("backends", array_of(report.backends, backend_text))
                .raw("families", array_of(report.families, family_text))
                .raw("ledger", ledger_text(report))
                .raw("clock", clock_text(report))
                .done(),
            {},
            {}};
}

Answer backend_answer(const service::BackendReport& report) {
    return {200, JsonWriter().raw("backend", backend_text(report)).done(), {}, {}};
}

Answer key_list_answer(const service::KeyList& list) {
    return {200,
            JsonWriter()
                .raw("families", array_of(list.families, family_view_text))
                .raw("keys", array_of(list.keys, key_text))
                .raw("unusable", array_of(list.unusable, unusable_text))
                .done(),
            {},
            {}};
}

Answer discarded_answer(const std::vector<service::UnusableKeyView>& keys) {
    return {200, JsonWriter().raw("discarded", array_of(keys, unusable_text)).done(), {}, {}};
}

Answer key_answer(unsigned status, const service::KeyView& view) {
    return {status, JsonWriter().raw("key", key_text(view)).done(), {}, {}};
}

Answer request_answer(unsigned status, const policy::ActRequest& request,
                      const std::optional<std::string>& document) {
    return {status,
            JsonWriter()
                .raw("request", policy::request_text(request))
                .text("message", policy::approval_message(request))
                .optional_text("document", document)
                .done(),
            {},
            {}};
}

Answer requests_answer(const std::vector<policy::ActRequest>& requests) {
    return {
        200, JsonWriter().raw("requests", array_of(requests, policy::request_text)).done(), {}, {}};
}

Answer approved_answer(const service::Approvals::Approved& approved) {
    return {200,
            JsonWriter()
                .boolean("done", approved.done)
                .raw("request", policy::request_text(approved.request))
                .done(),
            {},
            {}};
}

Answer operators_answer(const policy::Operators& operators) {
    return {200, policy::operators_text(operators), {}, {}};
}

Answer family_answer(const service::FamilyView& view) {
    return {200, JsonWriter().raw("family", family_view_text(view)).done(), {}, {}};
}

}  // namespace clawsigner::daemon
