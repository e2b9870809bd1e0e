#pragma once

#include "base/result.h"
#include "claw/receipt_request.h"
#include "service/appliance.h"
#include "service/made.h"

#include <optional>
#include <string>

namespace clawsigner::service {

/// What a proxy gets for one call it has made: both are JSON texts, byte for byte what was hashed
/// and signed.
struct SignedReceipt {
    std::string envelope;
    std::optional<std::string> legacy;
};

/// The story of a gateway receipt: see whether its nonce or id was used before, hold its time
/// against ours and the call against the token it was made under (service/receipt_grounds.h), fill
/// in what the caller left to us, build the payload, sign its hash, and, when
/// the v1.0 receipt is wanted, sign that as well with the same key. Errors: timestamp_skew;
/// policy_denied, as ground_receipt; nonce_reused, id_reused; key_missing, key_quarantined,
/// hsm_down, pin_held; ledger_blocked, ledger_damaged.
Result<Made<SignedReceipt>> sign_receipt(const Appliance& appliance, const claw::LeafCaller& caller,
                                         claw::ReceiptRequest request);

/// What the caller gets, now that the ledger has spoken. A receipt that was not recorded is wiped.
Result<SignedReceipt> settled(Made<SignedReceipt> made, const ledger::Outcome& outcome);

}  // namespace clawsigner::service
