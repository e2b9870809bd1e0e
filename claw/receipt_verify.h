#pragma once

#include "claw/inclusion.h"
#include "claw/verdict.h"
#include "crypto/public_key.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::claw {

/// What a valid receipt says, for a person to read.
struct ReceiptSummary {
    std::string receipt_id;
    std::string provider;
    std::string model;
    std::string timestamp;
    std::string signer_did;
    std::string algorithm;
    bool with_legacy = false;  // a v1.0 receipt came along, and is valid, too
};

struct ReceiptVerdict {
    Verdict verdict;
    std::optional<ReceiptSummary> summary;  // present exactly when valid
    /// What the log must say of the receipt and, when it came along, of the v1.0 receipt; of none
    /// unless valid.
    std::vector<Recorded> recorded;
};

/// Is this text a gateway receipt that one of `trusted` signed? The text is the envelope, or the
/// answer that holds it
/// ({"envelope":…} with an optional "legacy", which must then hold and agree).
///
/// Checks what the ecosystem's verifiers check, in their order, and more where they look away:
/// members they do not cover by the signature (issued_at, envelope_type) must be what the signer
/// writes, base64url has one spelling, no member may be unknown or doubled. ES256 receipts are
/// accepted here; today's ecosystem verifiers refuse them.
ReceiptVerdict verify_receipt(std::string_view text, const std::vector<crypto::PublicKey>& trusted);

}  // namespace clawsigner::claw
