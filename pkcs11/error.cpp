#include "pkcs11/error.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace clawsigner::pkcs11 {
namespace {

/// What is not the standard's, a vendor's own included.
constexpr ReturnValue kUnknown{CKR_VENDOR_DEFINED, "", Remedy::module, ErrorCode::hsm_down};

#define ROW(rv, remedy, code) \
    ReturnValue {             \
        rv, #rv, remedy, code \
    }
// In the order of their numbers. CKR_OK is no error; one that claims it has lost its way.
constexpr std::array kReturnValues{
    // clang-format off
    ROW(CKR_OK, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_CANCEL, Remedy::session, ErrorCode::hsm_down),
    ROW(CKR_HOST_MEMORY, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_SLOT_ID_INVALID, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_GENERAL_ERROR, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_FUNCTION_FAILED, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_ARGUMENTS_BAD, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_NO_EVENT, Remedy::request, ErrorCode::hsm_down),
    ROW(CKR_NEED_TO_CREATE_THREADS, Remedy::person, ErrorCode::hsm_down),
    ROW(CKR_CANT_LOCK, Remedy::person, ErrorCode::hsm_down),
    ROW(CKR_ATTRIBUTE_READ_ONLY, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_ATTRIBUTE_SENSITIVE, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_ATTRIBUTE_TYPE_INVALID, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_ATTRIBUTE_VALUE_INVALID, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_ACTION_PROHIBITED, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_DATA_INVALID, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_DATA_LEN_RANGE, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_DEVICE_ERROR, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_DEVICE_MEMORY, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_DEVICE_REMOVED, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_ENCRYPTED_DATA_INVALID, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_ENCRYPTED_DATA_LEN_RANGE, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_FUNCTION_CANCELED, Remedy::session, ErrorCode::hsm_down),
    ROW(CKR_FUNCTION_NOT_PARALLEL, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_FUNCTION_NOT_SUPPORTED, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_KEY_HANDLE_INVALID, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_KEY_SIZE_RANGE, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_KEY_TYPE_INCONSISTENT, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_KEY_NOT_NEEDED, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_KEY_CHANGED, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_KEY_NEEDED, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_KEY_INDIGESTIBLE, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_KEY_FUNCTION_NOT_PERMITTED, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_KEY_NOT_WRAPPABLE, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_KEY_UNEXTRACTABLE, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_MECHANISM_INVALID, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_MECHANISM_PARAM_INVALID, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_OBJECT_HANDLE_INVALID, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_OPERATION_ACTIVE, Remedy::session, ErrorCode::hsm_down),
    ROW(CKR_OPERATION_NOT_INITIALIZED, Remedy::session, ErrorCode::hsm_down),
    ROW(CKR_PIN_INCORRECT, Remedy::person, ErrorCode::pin_held),
    ROW(CKR_PIN_INVALID, Remedy::person, ErrorCode::pin_held),
    ROW(CKR_PIN_LEN_RANGE, Remedy::person, ErrorCode::pin_held),
    ROW(CKR_PIN_EXPIRED, Remedy::person, ErrorCode::pin_held),
    ROW(CKR_PIN_LOCKED, Remedy::person, ErrorCode::pin_held),
    ROW(CKR_SESSION_CLOSED, Remedy::session, ErrorCode::hsm_down),
    ROW(CKR_SESSION_COUNT, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_SESSION_HANDLE_INVALID, Remedy::session, ErrorCode::hsm_down),
    ROW(CKR_SESSION_PARALLEL_NOT_SUPPORTED, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_SESSION_READ_ONLY, Remedy::session, ErrorCode::hsm_down),
    ROW(CKR_SESSION_EXISTS, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_SESSION_READ_ONLY_EXISTS, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_SESSION_READ_WRITE_SO_EXISTS, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_SIGNATURE_INVALID, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_SIGNATURE_LEN_RANGE, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_TEMPLATE_INCOMPLETE, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_TEMPLATE_INCONSISTENT, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_TOKEN_NOT_PRESENT, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_TOKEN_NOT_RECOGNIZED, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_TOKEN_WRITE_PROTECTED, Remedy::person, ErrorCode::hsm_down),
    ROW(CKR_UNWRAPPING_KEY_HANDLE_INVALID, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_UNWRAPPING_KEY_SIZE_RANGE, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_USER_ALREADY_LOGGED_IN, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_USER_NOT_LOGGED_IN, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_USER_PIN_NOT_INITIALIZED, Remedy::person, ErrorCode::hsm_down),
    ROW(CKR_USER_TYPE_INVALID, Remedy::person, ErrorCode::hsm_down),
    ROW(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_USER_TOO_MANY_TYPES, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_WRAPPED_KEY_INVALID, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_WRAPPED_KEY_LEN_RANGE, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_WRAPPING_KEY_HANDLE_INVALID, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_WRAPPING_KEY_SIZE_RANGE, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_WRAPPING_KEY_TYPE_INCONSISTENT, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_RANDOM_SEED_NOT_SUPPORTED, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_RANDOM_NO_RNG, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_DOMAIN_PARAMS_INVALID, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_CURVE_NOT_SUPPORTED, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_BUFFER_TOO_SMALL, Remedy::session, ErrorCode::hsm_down),
    ROW(CKR_SAVED_STATE_INVALID, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_INFORMATION_SENSITIVE, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_STATE_UNSAVEABLE, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_CRYPTOKI_NOT_INITIALIZED, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_CRYPTOKI_ALREADY_INITIALIZED, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_MUTEX_BAD, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_MUTEX_NOT_LOCKED, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_NEW_PIN_MODE, Remedy::person, ErrorCode::pin_held),
    ROW(CKR_NEXT_OTP, Remedy::person, ErrorCode::pin_held),
    ROW(CKR_EXCEEDED_MAX_ITERATIONS, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_FIPS_SELF_TEST_FAILED, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_LIBRARY_LOAD_FAILED, Remedy::module, ErrorCode::hsm_down),
    ROW(CKR_PIN_TOO_WEAK, Remedy::person, ErrorCode::pin_held),
    ROW(CKR_PUBLIC_KEY_INVALID, Remedy::request, ErrorCode::unsupported),
    ROW(CKR_FUNCTION_REJECTED, Remedy::request, ErrorCode::hsm_down),
    ROW(CKR_VENDOR_DEFINED, Remedy::module, ErrorCode::hsm_down),
    // clang-format on
};
#undef ROW

const ReturnValue& row_of(CK_RV rv) {
    const auto found = std::ranges::find(kReturnValues, rv, &ReturnValue::rv);
    return found == kReturnValues.end() ? kUnknown : *found;
}

}  // namespace

std::span<const ReturnValue> return_values() noexcept {
    return kReturnValues;
}

Remedy remedy_of(const Error& error) noexcept {
    return error.call.empty() ? Remedy::request : row_of(error.native).remedy;
}

std::string rv_name(CK_RV rv) {
    if (const auto& row = row_of(rv); !row.name.empty()) {
        return std::string(row.name);
    }
    std::array<char, 20> hex{};
    const auto end = std::to_chars(hex.data(), hex.data() + hex.size(), rv, 16);
    return "CKR_0x" + std::string(hex.data(), end.ptr);
}

Error error_from(std::string_view call, CK_RV rv) {
    Error error(row_of(rv).code, std::string(call) + ": " + rv_name(rv));
    if (error.code == ErrorCode::pin_held) {
        error.message.append("; correct the PIN, then: clawsigner pin retry");
    }
    error.call = call;
    error.native = rv;
    return error;
}

Status check(std::string_view call, CK_RV rv) {
    return rv == CKR_OK ? Status::done() : Status(error_from(call, rv));
}

}  // namespace clawsigner::pkcs11
