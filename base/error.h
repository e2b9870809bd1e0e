#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace clawsigner::base {

/// Everything that can go wrong, as a client sees it. The list is closed: a new code is a change of
/// the API (docs/api/errors.md) and of docs/stability.md. `unset` is what a default-constructed
/// Result holds and never leaves the process.
enum class ErrorCode : std::uint8_t {
    unset,
    internal,
    // The request.
    bad_request,
    malformed_json,
    invalid_field,
    timestamp_skew,
    too_large,
    scope_too_large,
    policy_denied,
    forbidden,
    not_found,
    method_not_allowed,
    timeout,
    queue_full,
    // The keys and their store.
    hsm_down,
    pin_held,
    key_missing,
    key_exists,
    key_in_use,
    key_quarantined,
    key_frozen,
    key_not_active,
    illegal_transition,
    rotation_pending,
    unsupported,
    // The device behind a key store, where waiting alone does not help.
    device_locked,
    device_auth,
    device_full,
    device_changed,
    boot_not_approved,
    // The ledger.
    ledger_blocked,
    ledger_damaged,
    nonce_reused,
    id_reused,
    not_yet,
    proof_invalid,
    // What operators approve of.
    approval_required,
    approval_invalid,
    approval_expired,
    approval_repeated,
    no_operators,
    // The house.
    config_invalid,
    io_failed,
    unreachable,
};

/// The name on the wire, e.g. "HSM_DOWN". Static storage.
std::string_view wire_name(ErrorCode code) noexcept;

/// The code of that name; `internal` for a name that is none, as a newer daemon may have.
ErrorCode code_of_wire_name(std::string_view name) noexcept;

/// What went wrong, said once for the client (code, field, message) and once for the operator
/// (call, native). Holds no secret and no caller's content beyond the name of a field.
struct Error {
    ErrorCode code = ErrorCode::unset;
    /// One sentence that says what to do, without a trailing full stop. Begins with the field where
    /// there is one.
    std::string message;
    /// The path of the member at fault ("binding.event_hash_b64u"), or empty.
    std::string field;
    /// The rule that said no ("ceiling.ttl"; static storage), with policy_denied, or empty.
    std::string_view rule;
    /// The vendor's call that failed ("C_Sign"; static storage) and its native result, or empty and
    /// 0.
    std::string_view call;
    std::uint64_t native = 0;
    /// Of queue_full: the seconds after which it is worth asking again; 0, where nobody can say.
    std::uint32_t retry_after = 0;

    Error() = default;
    Error(ErrorCode c, std::string text) : code(c), message(std::move(text)) {}

    /// `reason` completes the sentence "<field> …", e.g. ("tokens_input", "must be an integer from
    /// 0 to 10000000"). The field's name may come from a stranger: a long one is clipped.
    static Error at(std::string field, std::string_view reason);
    /// policy_denied by `rule` (static storage), for the member at `field`.
    static Error denied(std::string_view rule, std::string field, std::string_view reason);
    /// An error of errno's, e.g. ("cannot open /etc/x", ENOENT).
    static Error from_errno(std::string what, int number);
};

}  // namespace clawsigner::base

namespace clawsigner {
using base::Error;
using base::ErrorCode;
}  // namespace clawsigner
