#pragma once

#include "base/result.h"
#include "policy/operators.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace clawsigner::policy {

inline constexpr std::size_t kMaxAllowedSigners = 16'384;

/// OpenSSH's allowed_signers file (ssh-keygen(1), ALLOWED SIGNERS), one operator a line:
///
///     PRINCIPAL [OPTION[,OPTION…]] TYPE BASE64 [COMMENT]
///
/// What is accepted means to OpenSSH what it means here; what OpenSSH would take beyond that is
/// refused, lest it promise what is not kept:
///
///   - A principal is one name: no list, no pattern, no quotes. It and its key stand in one line.
///   - namespaces="NAME[,NAME…]" has exact names; a pattern is refused.
///   - valid-after="TIME" and valid-before="TIME", both included. TIME is YYYYMMDDZ, YYYYMMDDHHMMZ
///     or YYYYMMDDHHMMSSZ. Without the Z it would be local time to OpenSSH, and what zone is local
///     is not in the file, so it is refused.
///   - cert-authority and every other option is refused.
///   - A key is one that crypto::SshPublicKey accepts.
///
/// Empty lines and those that begin with # are skipped. At most kMaxAllowedSigners bytes of UTF-8
/// and kMaxOperators operators; none at all is no error. Error: invalid_field without a field name,
/// whose message begins with "line N".
Result<std::vector<Operator>> parse_allowed_signers(std::string_view text);

}  // namespace clawsigner::policy
