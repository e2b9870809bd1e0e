#pragma once

#include "base/result.h"
#include "claw/legacy_receipt.h"
#include "claw/receipt.h"

#include <optional>
#include <string>
#include <string_view>

namespace clawsigner::claw {

/// What a proxy asks to have signed: POST /v1/receipts, and each element of a batch.
struct ReceiptRequest {
    std::optional<std::string> receipt_id;
    std::optional<UnixMillis> timestamp;
    ReceiptContent content;
    std::optional<LegacyContent> legacy;  // present when the v1.0 receipt is wanted, too
    /// The token the call was made under, and what said before it that it may be made.
    std::optional<std::string> cst;
    std::optional<std::string> decision_id;  // only with cst
    /// With a nonce: the digest of the request as it was sent, whatever the order of its members.
    std::optional<std::string> request_sha256;
};

/// The body of a request, read at the door's rules. `receipt_version` and `gateway_id` may be sent
/// if they are the constants they must be; the legacy members belong only `with_legacy`. Errors:
/// malformed_json; invalid_field with the member's path.
Result<ReceiptRequest> parse_receipt_request(std::string_view body, bool with_legacy);

}  // namespace clawsigner::claw
