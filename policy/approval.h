#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "policy/act_request.h"
#include "policy/operators.h"

#include <string_view>

namespace clawsigner::policy {

/// The approval that `armored_signature` (ssh-keygen -Y sign) gives to the request, to be added to
/// its approvals; nothing is changed here. An operator approves once: the same signature, or
/// another by the same principal, adds nothing.
///
/// Errors, in this order: those of check_request; approval_expired; invalid_field at `signature`,
/// when it is no signature that crypto::SshSignature reads; approval_invalid, when it is made in
/// another namespace than kApprovalNamespace, by nobody's key or one that may not approve at `now`,
/// without touching a FIDO device, or not over this request's approval_message; approval_repeated.
Result<Approval> approve(const Operators& operators, const ActRequest& request,
                         std::string_view armored_signature, UnixMillis now);

/// Have as many of today's operators approved as must, each counted once, before the request
/// expires? An approval counts while its principal is an operator with the very key that made it,
/// who might approve both when it was made and `now`.
bool is_enough(const Operators& operators, const ActRequest& request, UnixMillis now);

}  // namespace clawsigner::policy
