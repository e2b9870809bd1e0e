#pragma once

#include "faultp11/setup.h"

#include <optional>

namespace faultp11 {

/// What befalls a call before the module has heard of it: a delay, a hang, a crash, sessions that
/// go, a login that ends. Returns the answer when the module is not to be asked at all.
std::optional<CK_RV> before_call(Setup& setup, const Due& due);

/// A private key that is not this one, if there is another: one of the same type, rather.
CK_OBJECT_HANDLE other_private_key(Setup& setup, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key);

/// Spoils a signature as the script wants it, and remembers the good one.
void after_signature(Setup& setup, const Due& due, CK_BYTE* signature, CK_ULONG size);

/// The number of sessions the device is to have, as far as the script limits it.
std::optional<CK_ULONG> session_limit(const Script& script);

}  // namespace faultp11
