#include "claw/legacy_receipt.h"
#include "claw/receipt_request.h"
#include "fuzz/fuzz.h"

namespace clawsigner::fuzz {

// Every request that is accepted becomes a payload that is strict JSON and reads back as the same
// request.
void fuzz(std::span<const std::uint8_t> input) {
    if (input.empty()) {
        return;
    }
    const bool legacy = (input[0] & 1U) != 0;
    const auto request = claw::parse_receipt_request(as_text(input.subspan(1)), legacy);
    if (!request.ok()) {
        require(!request.error().message.empty());
        return;
    }
    const claw::GatewayReceipt receipt{request->receipt_id.value_or("rcpt_fuzz"),
                                       request->timestamp.value_or(UnixMillis()), request->content};
    const auto payload = claw::ReceiptPayload::of(receipt);
    require(payload.ok());
    const auto again = claw::parse_receipt_request(payload->text(), false);
    require(again.ok());
    const claw::GatewayReceipt same{*again->receipt_id, *again->timestamp, again->content};
    require(claw::ReceiptPayload::of(same)->text() == payload->text());
    if (legacy) {
        require(claw::LegacyReceipt::of(receipt, *request->legacy, "0123456789abcdef").ok());
    }
}

}  // namespace clawsigner::fuzz
