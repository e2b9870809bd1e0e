#include "base/error.h"

#include "base/result.h"

#include <array>
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

/// In the order of ErrorCode.
constexpr std::array<std::string_view, 44> kWireNames{
    "UNSET",
    "INTERNAL",
    "BAD_REQUEST",
    "MALFORMED_JSON",
    "INVALID_FIELD",
    "TIMESTAMP_SKEW",
    "TOO_LARGE",
    "SCOPE_TOO_LARGE",
    "POLICY_DENIED",
    "FORBIDDEN",
    "NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "TIMEOUT",
    "QUEUE_FULL",
    "HSM_DOWN",
    "PIN_HELD",
    "KEY_MISSING",
    "KEY_EXISTS",
    "KEY_IN_USE",
    "KEY_QUARANTINED",
    "KEY_FROZEN",
    "KEY_NOT_ACTIVE",
    "ILLEGAL_TRANSITION",
    "ROTATION_PENDING",
    "UNSUPPORTED",
    "DEVICE_LOCKED",
    "DEVICE_AUTH",
    "DEVICE_FULL",
    "DEVICE_CHANGED",
    "BOOT_NOT_APPROVED",
    "LEDGER_BLOCKED",
    "LEDGER_DAMAGED",
    "NONCE_REUSED",
    "ID_REUSED",
    "NOT_YET",
    "PROOF_INVALID",
    "APPROVAL_REQUIRED",
    "APPROVAL_INVALID",
    "APPROVAL_EXPIRED",
    "APPROVAL_REPEATED",
    "NO_OPERATORS",
    "CONFIG_INVALID",
    "IO_FAILED",
    "UNREACHABLE",
};
static_assert(kWireNames.size() == static_cast<std::size_t>(ErrorCode::unreachable) + 1);
static_assert(kWireNames[static_cast<std::size_t>(ErrorCode::not_yet)] == "NOT_YET");

}  // namespace

std::string_view wire_name(ErrorCode code) noexcept {
    const auto index = static_cast<std::size_t>(code);
    return index < kWireNames.size() ? kWireNames[index] : "INTERNAL";
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
