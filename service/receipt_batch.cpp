#include "service/receipt_batch.h"

#include "claw/json_array.h"

namespace clawsigner::service {

Result<ReceiptBatch> ReceiptBatch::split(std::string_view body, bool with_legacy) {
    TRY(auto elements, claw::split_array_member(body, "receipts", kMaxReceipts));
    return ReceiptBatch(std::move(elements), with_legacy);
}

void ReceiptBatch::sign(const Appliance& appliance, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
        results_[i] = sign_one(appliance, elements_[i]);
    }
}

Result<SignedReceipt> ReceiptBatch::sign_one(const Appliance& appliance,
                                             std::string_view element) const {
    if (element.size() > kMaxReceiptBytes) {
        return Error(ErrorCode::too_large, "a receipt must have at most 65536 bytes");
    }
    TRY(auto request, claw::parse_receipt_request(element, with_legacy_));
    return sign_receipt(appliance, std::move(request));
}

}  // namespace clawsigner::service
