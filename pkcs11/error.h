#pragma once

#include "base/result.h"

#include <p11-kit/pkcs11.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace clawsigner::pkcs11 {

/// What helps when Cryptoki has returned something else than CKR_OK.
enum class Remedy : std::uint8_t {
    request,  // nothing, and nothing needs to: it was asked for what this token does not do
    session,  // the same once more on a fresh session, whose handles are not trusted unproven
    module,   // close everything, finalise the module, initialise it again
    person,   // nothing that a machine may try
};

/// One row of the table from which every judgement about a return value comes.
struct ReturnValue {
    CK_RV rv;
    std::string_view name;  // static storage
    Remedy remedy;
    ErrorCode code;  // what a client is told
};

/// The standard's return values, each once. What is not among them is the module's trouble
/// (Remedy::module, hsm_down).
std::span<const ReturnValue> return_values() noexcept;

/// By the call's native result. An error that no call of Cryptoki's gave needs none (request).
Remedy remedy_of(const Error& error) noexcept;

/// "CKR_DEVICE_REMOVED", or "CKR_0x…" written out for what the standard does not name.
std::string rv_name(CK_RV rv);

/// The one place where a CK_RV becomes an Error. `call` has static storage ("C_Sign").
Error error_from(std::string_view call, CK_RV rv);

/// As error_from, or done for CKR_OK.
Status check(std::string_view call, CK_RV rv);

}  // namespace clawsigner::pkcs11
