#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "claw/leaf.h"
#include "claw/receipt_request.h"
#include "service/appliance.h"

#include <optional>
#include <string>
#include <string_view>

namespace clawsigner::service {

/// Under which token and contract a call was made, as far as the receipt and its leaf say so.
struct ReceiptGrounds {
    std::string_view rule;  // "decision", "token", or "role.proxy" without a token. Static storage
    std::optional<std::string> cst_sha256;
    std::optional<std::string> decision_sha256;
    std::optional<std::string> policy_hash;
    std::optional<std::string> token_scope_hash;
    bool after_expiry = false;  // the token has ended meanwhile
};

/// May there be a receipt of this call, that was over at `timestamp`?
///
/// With a decision the call was judged before it was made: token, provider and model must be those
/// of the decision, and the call must have begun while it held; it has its receipt also when the
/// token has ended or the contract was withdrawn since. With a token alone the call is judged now,
/// as of the time it began: timestamp less latency_ms. Without a token it is the caller's word,
/// where that is taken, and then it says nothing of scope and policy.
///
/// Errors: policy_denied by decision.*, token.*, call.*, pin.*, wpc.*, receipt.*; ledger_blocked,
/// ledger_damaged.
Result<ReceiptGrounds> ground_receipt(const Appliance& appliance, const claw::LeafCaller& caller,
                                      const claw::ReceiptRequest& request, UnixMillis timestamp);

}  // namespace clawsigner::service
