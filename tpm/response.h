#pragma once

#include "base/result.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace clawsigner::tpm {

/// What helps when a call into the TPM software stack has returned something else than success.
enum class Remedy : std::uint8_t {
    request,  // nothing, and nothing needs to: it was asked for what this TPM does not do
    retry,    // the same once more in a moment: the TPM has not begun, or was interrupted
    room,     // put something out of the TPM's memory, then the same once more
    object,   // this key cannot be used; others can
    reopen,   // forget every handle, open the TPM again
    person,   // nothing that a machine may try
};

/// One row of the table from which every judgement about a response code comes.
struct ResponseCode {
    std::uint32_t code;     // without the number of the handle, session or parameter at fault
    std::string_view name;  // static storage
    Remedy remedy;
    ErrorCode error;  // what a client is told
};

/// The response codes of TPM 2.0 Part 2 (revision 1.59, section 6.6), each once. What is not among
/// them, and what the layers above the TPM say, is trouble with the way there (Remedy::reopen,
/// hsm_down).
std::span<const ResponseCode> response_codes() noexcept;

/// The code without what says which handle, session or parameter was at fault, and without the
/// layer of a resource manager that passes it on.
std::uint32_t plain_code(std::uint32_t response) noexcept;

/// By the call's native result. An error that no call into the stack gave needs none (request).
Remedy remedy_of(const Error& error) noexcept;

/// "TPM_RC_LOCKOUT", or "0x…" written out for what the table does not name.
std::string response_name(std::uint32_t response);

/// The one place where a response code becomes an Error. `call` has static storage ("TPM2_Sign").
Error error_from(std::string_view call, std::uint32_t response);

/// As error_from, or done for success.
Status check(std::string_view call, std::uint32_t response);

}  // namespace clawsigner::tpm
