#include "base/error.h"

#include "base/result.h"

#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace clawsigner::base {
namespace {

constexpr std::size_t kMaxField = 200;

/// At most kMaxField bytes, not cutting a UTF-8 sequence in two.
std::string clipped(std::string text) {
    if (text.size() <= kMaxField) {
        return text;
    }
    std::size_t end = kMaxField;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
        --end;
    }
    text.resize(end);
    return text.append("…");
}

}  // namespace

std::string_view wire_name(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::unset:
            return "UNSET";
        case ErrorCode::internal:
            return "INTERNAL";
        case ErrorCode::bad_request:
            return "BAD_REQUEST";
        case ErrorCode::malformed_json:
            return "MALFORMED_JSON";
        case ErrorCode::invalid_field:
            return "INVALID_FIELD";
        case ErrorCode::timestamp_skew:
            return "TIMESTAMP_SKEW";
        case ErrorCode::too_large:
            return "TOO_LARGE";
        case ErrorCode::scope_too_large:
            return "SCOPE_TOO_LARGE";
        case ErrorCode::policy_denied:
            return "POLICY_DENIED";
        case ErrorCode::forbidden:
            return "FORBIDDEN";
        case ErrorCode::not_found:
            return "NOT_FOUND";
        case ErrorCode::method_not_allowed:
            return "METHOD_NOT_ALLOWED";
        case ErrorCode::timeout:
            return "TIMEOUT";
        case ErrorCode::queue_full:
            return "QUEUE_FULL";
        case ErrorCode::hsm_down:
            return "HSM_DOWN";
        case ErrorCode::pin_held:
            return "PIN_HELD";
        case ErrorCode::key_missing:
            return "KEY_MISSING";
        case ErrorCode::key_exists:
            return "KEY_EXISTS";
        case ErrorCode::key_in_use:
            return "KEY_IN_USE";
        case ErrorCode::key_quarantined:
            return "KEY_QUARANTINED";
        case ErrorCode::unsupported:
            return "UNSUPPORTED";
        case ErrorCode::proof_invalid:
            return "PROOF_INVALID";
        case ErrorCode::ledger_blocked:
            return "LEDGER_BLOCKED";
        case ErrorCode::ledger_damaged:
            return "LEDGER_DAMAGED";
        case ErrorCode::nonce_reused:
            return "NONCE_REUSED";
        case ErrorCode::id_reused:
            return "ID_REUSED";
        case ErrorCode::not_yet:
            return "NOT_YET";
        case ErrorCode::config_invalid:
            return "CONFIG_INVALID";
        case ErrorCode::io_failed:
            return "IO_FAILED";
        case ErrorCode::unreachable:
            return "UNREACHABLE";
    }
    return "INTERNAL";
}

ErrorCode code_of_wire_name(std::string_view name) noexcept {
    for (auto code = static_cast<unsigned>(ErrorCode::internal);
         code <= static_cast<unsigned>(ErrorCode::unreachable); ++code) {
        if (wire_name(static_cast<ErrorCode>(code)) == name) {
            return static_cast<ErrorCode>(code);
        }
    }
    return ErrorCode::internal;
}

void abort_on_wrong_half(const Error* found) noexcept {
    const std::string_view code = found == nullptr ? "a value" : wire_name(found->code);
    std::fprintf(stderr, "clawsigner: a result was read without being checked; it holds %.*s %s\n",
                 static_cast<int>(code.size()), code.data(),
                 found == nullptr ? "" : found->message.c_str());
    std::abort();
}

Error Error::at(std::string field, std::string_view reason) {
    field = clipped(std::move(field));
    Error error(ErrorCode::invalid_field, field.empty() ? "the body" : field);
    error.message.append(" ").append(reason);
    error.field = std::move(field);
    return error;
}

Error Error::denied(std::string_view rule, std::string field, std::string_view reason) {
    Error error = at(std::move(field), reason);
    error.code = ErrorCode::policy_denied;
    error.rule = rule;
    return error;
}

Error Error::from_errno(std::string what, int number) {
    Error error(ErrorCode::io_failed, std::move(what));
    error.message.append(": ").append(std::generic_category().message(number));
    error.native = static_cast<std::uint64_t>(number);
    return error;
}

}  // namespace clawsigner::base
