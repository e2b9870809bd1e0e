#include "tpm/response.h"

#include <tss2/tss2_common.h>
#include <tss2/tss2_tpm2_types.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace clawsigner::tpm {
namespace {

/// What Part 2 does not name, and what is not the TPM's.
constexpr ResponseCode kUnknown{0, "", Remedy::reopen, ErrorCode::hsm_down};

constexpr std::uint32_t kFormatOneMask = 0x0BF;   // Part 2, table 15: format-one, error number
constexpr std::uint32_t kFormatZeroMask = 0xFFF;  // warnings and version-one errors

#define ROW(code, remedy, error)                       \
    ResponseCode {                                     \
        TPM2_RC_##code, "TPM_RC_" #code, remedy, error \
    }
// In the order of Part 2.
constexpr std::array kResponseCodes{
    // clang-format off
    ROW(INITIALIZE, Remedy::reopen, ErrorCode::hsm_down),
    ROW(FAILURE, Remedy::reopen, ErrorCode::hsm_down),
    ROW(SEQUENCE, Remedy::reopen, ErrorCode::hsm_down),
    ROW(PRIVATE, Remedy::reopen, ErrorCode::hsm_down),
    ROW(HMAC, Remedy::reopen, ErrorCode::hsm_down),
    ROW(DISABLED, Remedy::person, ErrorCode::hsm_down),
    ROW(EXCLUSIVE, Remedy::reopen, ErrorCode::hsm_down),
    ROW(AUTH_TYPE, Remedy::reopen, ErrorCode::hsm_down),
    ROW(AUTH_MISSING, Remedy::reopen, ErrorCode::hsm_down),
    ROW(POLICY, Remedy::object, ErrorCode::boot_not_approved),
    ROW(PCR, Remedy::object, ErrorCode::boot_not_approved),
    ROW(PCR_CHANGED, Remedy::retry, ErrorCode::hsm_down),
    ROW(UPGRADE, Remedy::person, ErrorCode::hsm_down),
    ROW(TOO_MANY_CONTEXTS, Remedy::reopen, ErrorCode::hsm_down),
    ROW(AUTH_UNAVAILABLE, Remedy::object, ErrorCode::key_quarantined),
    ROW(REBOOT, Remedy::person, ErrorCode::hsm_down),
    ROW(UNBALANCED, Remedy::request, ErrorCode::unsupported),
    ROW(COMMAND_SIZE, Remedy::reopen, ErrorCode::hsm_down),
    ROW(COMMAND_CODE, Remedy::request, ErrorCode::unsupported),
    ROW(AUTHSIZE, Remedy::reopen, ErrorCode::hsm_down),
    ROW(AUTH_CONTEXT, Remedy::reopen, ErrorCode::hsm_down),
    ROW(NV_RANGE, Remedy::request, ErrorCode::unsupported),
    ROW(NV_SIZE, Remedy::request, ErrorCode::unsupported),
    ROW(NV_LOCKED, Remedy::person, ErrorCode::hsm_down),
    ROW(NV_AUTHORIZATION, Remedy::person, ErrorCode::hsm_down),
    ROW(NV_UNINITIALIZED, Remedy::reopen, ErrorCode::hsm_down),
    ROW(NV_SPACE, Remedy::person, ErrorCode::device_full),
    ROW(NV_DEFINED, Remedy::request, ErrorCode::unsupported),
    ROW(BAD_CONTEXT, Remedy::reopen, ErrorCode::hsm_down),
    ROW(CPHASH, Remedy::reopen, ErrorCode::hsm_down),
    ROW(PARENT, Remedy::object, ErrorCode::key_quarantined),
    ROW(NEEDS_TEST, Remedy::reopen, ErrorCode::hsm_down),
    ROW(NO_RESULT, Remedy::reopen, ErrorCode::hsm_down),
    ROW(SENSITIVE, Remedy::object, ErrorCode::key_quarantined),
    ROW(ASYMMETRIC, Remedy::request, ErrorCode::unsupported),
    ROW(ATTRIBUTES, Remedy::request, ErrorCode::unsupported),
    ROW(HASH, Remedy::request, ErrorCode::unsupported),
    ROW(VALUE, Remedy::request, ErrorCode::unsupported),
    ROW(HIERARCHY, Remedy::person, ErrorCode::hsm_down),
    ROW(KEY_SIZE, Remedy::request, ErrorCode::unsupported),
    ROW(MGF, Remedy::request, ErrorCode::unsupported),
    ROW(MODE, Remedy::request, ErrorCode::unsupported),
    ROW(TYPE, Remedy::request, ErrorCode::unsupported),
    ROW(HANDLE, Remedy::reopen, ErrorCode::hsm_down),
    ROW(KDF, Remedy::request, ErrorCode::unsupported),
    ROW(RANGE, Remedy::request, ErrorCode::unsupported),
    ROW(AUTH_FAIL, Remedy::object, ErrorCode::key_quarantined),
    ROW(NONCE, Remedy::reopen, ErrorCode::hsm_down),
    ROW(PP, Remedy::person, ErrorCode::hsm_down),
    ROW(SCHEME, Remedy::request, ErrorCode::unsupported),
    ROW(SIZE, Remedy::request, ErrorCode::unsupported),
    ROW(SYMMETRIC, Remedy::request, ErrorCode::unsupported),
    ROW(TAG, Remedy::reopen, ErrorCode::hsm_down),
    ROW(SELECTOR, Remedy::request, ErrorCode::unsupported),
    ROW(INSUFFICIENT, Remedy::reopen, ErrorCode::hsm_down),
    ROW(SIGNATURE, Remedy::object, ErrorCode::key_quarantined),
    ROW(KEY, Remedy::request, ErrorCode::unsupported),
    ROW(POLICY_FAIL, Remedy::object, ErrorCode::boot_not_approved),
    ROW(INTEGRITY, Remedy::object, ErrorCode::key_quarantined),
    ROW(TICKET, Remedy::object, ErrorCode::key_quarantined),
    ROW(RESERVED_BITS, Remedy::request, ErrorCode::unsupported),
    ROW(BAD_AUTH, Remedy::object, ErrorCode::key_quarantined),
    ROW(EXPIRED, Remedy::object, ErrorCode::boot_not_approved),
    ROW(POLICY_CC, Remedy::object, ErrorCode::boot_not_approved),
    ROW(BINDING, Remedy::object, ErrorCode::key_quarantined),
    ROW(CURVE, Remedy::request, ErrorCode::unsupported),
    ROW(ECC_POINT, Remedy::object, ErrorCode::key_quarantined),
    ROW(CONTEXT_GAP, Remedy::reopen, ErrorCode::hsm_down),
    ROW(OBJECT_MEMORY, Remedy::room, ErrorCode::device_full),
    ROW(SESSION_MEMORY, Remedy::room, ErrorCode::device_full),
    ROW(MEMORY, Remedy::room, ErrorCode::device_full),
    ROW(SESSION_HANDLES, Remedy::room, ErrorCode::device_full),
    ROW(OBJECT_HANDLES, Remedy::person, ErrorCode::hsm_down),
    ROW(LOCALITY, Remedy::person, ErrorCode::hsm_down),
    ROW(YIELDED, Remedy::retry, ErrorCode::hsm_down),
    ROW(CANCELED, Remedy::retry, ErrorCode::hsm_down),
    ROW(TESTING, Remedy::retry, ErrorCode::hsm_down),
    ROW(REFERENCE_H0, Remedy::reopen, ErrorCode::hsm_down),
    ROW(REFERENCE_H1, Remedy::reopen, ErrorCode::hsm_down),
    ROW(REFERENCE_H2, Remedy::reopen, ErrorCode::hsm_down),
    ROW(REFERENCE_H3, Remedy::reopen, ErrorCode::hsm_down),
    ROW(REFERENCE_H4, Remedy::reopen, ErrorCode::hsm_down),
    ROW(REFERENCE_H5, Remedy::reopen, ErrorCode::hsm_down),
    ROW(REFERENCE_H6, Remedy::reopen, ErrorCode::hsm_down),
    ROW(REFERENCE_S0, Remedy::reopen, ErrorCode::hsm_down),
    ROW(REFERENCE_S1, Remedy::reopen, ErrorCode::hsm_down),
    ROW(REFERENCE_S2, Remedy::reopen, ErrorCode::hsm_down),
    ROW(REFERENCE_S3, Remedy::reopen, ErrorCode::hsm_down),
    ROW(REFERENCE_S4, Remedy::reopen, ErrorCode::hsm_down),
    ROW(REFERENCE_S5, Remedy::reopen, ErrorCode::hsm_down),
    ROW(REFERENCE_S6, Remedy::reopen, ErrorCode::hsm_down),
    ROW(NV_RATE, Remedy::retry, ErrorCode::hsm_down),
    ROW(LOCKOUT, Remedy::person, ErrorCode::device_locked),
    ROW(RETRY, Remedy::retry, ErrorCode::hsm_down),
    ROW(NV_UNAVAILABLE, Remedy::retry, ErrorCode::hsm_down),
    // clang-format on
};
#undef ROW

const ResponseCode& row_of(std::uint32_t response) {
    const auto found = std::ranges::find(kResponseCodes, plain_code(response), &ResponseCode::code);
    return found == kResponseCodes.end() ? kUnknown : *found;
}

}  // namespace

std::span<const ResponseCode> response_codes() noexcept {
    return kResponseCodes;
}

std::uint32_t plain_code(std::uint32_t response) noexcept {
    const std::uint32_t layer = response & TSS2_RC_LAYER_MASK;
    if (layer != TSS2_TPM_RC_LAYER && layer != TSS2_RESMGR_TPM_RC_LAYER) {
        return response;
    }
    const bool format_one = (response & TPM2_RC_FMT1) != 0;
    return response & (format_one ? kFormatOneMask : kFormatZeroMask);
}

Remedy remedy_of(const Error& error) noexcept {
    return error.call.empty() ? Remedy::request
                              : row_of(static_cast<std::uint32_t>(error.native)).remedy;
}

std::string response_name(std::uint32_t response) {
    if (const ResponseCode& row = row_of(response); !row.name.empty()) {
        return std::string(row.name);
    }
    std::array<char, 8> hex{};
    const auto end = std::to_chars(hex.data(), hex.data() + hex.size(), response, 16);
    return "0x" + std::string(hex.data(), end.ptr);
}

Error error_from(std::string_view call, std::uint32_t response) {
    Error error(row_of(response).error, std::string(call) + ": " + response_name(response));
    error.call = call;
    error.native = response;
    return error;
}

Status check(std::string_view call, std::uint32_t response) {
    return response == TSS2_RC_SUCCESS ? Status::done() : Status(error_from(call, response));
}

}  // namespace clawsigner::tpm
