#pragma once

#include "base/result.h"
#include "claw/receipt_request.h"
#include "service/appliance.h"

#include <optional>
#include <string>

namespace clawsigner::service {

/// What a proxy gets for one call it has made: both are JSON texts, byte for byte what was hashed
/// and signed.
struct SignedReceipt {
    std::string envelope;
    std::optional<std::string> legacy;
};

/// The story of a gateway receipt: fill in what the caller left to us, hold its time against ours,
/// build the payload, sign its hash, and, when the v1.0 receipt is wanted, sign that as well with
/// the same key. Errors: timestamp_skew; key_missing, key_quarantined, hsm_down, pin_held.
Result<SignedReceipt> sign_receipt(const Appliance& appliance, claw::ReceiptRequest request);

}  // namespace clawsigner::service
