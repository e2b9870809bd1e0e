#include "daemon/answers.h"

#include "claw/json_writer.h"
#include "claw/receipt.h"
#include "claw/token.h"

#include <algorithm>

namespace clawsigner::daemon {
namespace {

using claw::JsonWriter;

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

}  // namespace

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
    return good_answer(receipt_text(receipt));
}

Answer batch_answer(const service::ReceiptBatch& batch) {
    const auto print = [](const Result<service::SignedReceipt>& result) {
        return result.ok() ? receipt_text(*result) : error_object(result.error());
    };
    return good_answer(
        JsonWriter().raw("results", claw::json_array_of(batch.results(), print)).done());
}

Answer token_answer(const service::IssuedToken& token) {
    return good_answer(JsonWriter()
                           .text("token", token.token)
                           .raw("claims", token.claims)
                           .text("kid", token.kid)
                           .text("token_hash", token.token_hash)
                           .text("token_scope_hash_b64u", token.scope_hash)
                           .done());
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
    return good_answer(out.done());
}

Answer readiness_answer(const service::Readiness& readiness) {
    return {readiness.ready() ? 200U : 503U,
            JsonWriter()
                .boolean("ready", readiness.ready())
                .raw("reasons", claw::json_array_of(readiness.reasons, error_text))
                .done(),
            {},
            {}};
}

Answer request_answer(unsigned status, const policy::ActRequest& request,
                      const std::optional<std::string>& document) {
    return good_answer(JsonWriter()
                           .raw("request", policy::request_text(request))
                           .text("message", policy::approval_message(request))
                           .optional_text("document", document)
                           .done(),
                       status);
}

Answer requests_answer(const std::vector<policy::ActRequest>& requests) {
    return good_answer(
        JsonWriter().raw("requests", claw::json_array_of(requests, policy::request_text)).done());
}

Answer approved_answer(const service::Approvals::Approved& approved) {
    return good_answer(JsonWriter()
                           .boolean("done", approved.done)
                           .raw("request", policy::request_text(approved.request))
                           .done());
}

Answer operators_answer(const policy::Operators& operators) {
    return good_answer(policy::operators_text(operators));
}

}  // namespace clawsigner::daemon
