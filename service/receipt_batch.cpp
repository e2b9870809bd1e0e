#include "service/receipt_batch.h"

#include "claw/json_array.h"

namespace clawsigner::service {

Result<ReceiptBatch> ReceiptBatch::split(std::string_view body, bool with_legacy) {
    TRY(auto elements, claw::split_array_member(body, "receipts", kMaxReceipts));
    return ReceiptBatch(std::move(elements), with_legacy);
}

void ReceiptBatch::sign(const Appliance& appliance, const claw::LeafCaller& caller,
                        std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
        made_[i] = sign_one(appliance, caller, elements_[i]);
    }
}

void ReceiptBatch::take_entry(std::size_t i, std::vector<ledger::Entry>& entries) {
    auto& made = made_[i];
    if (made.ok() && !made->entry.items.empty()) {
        entries.push_back(std::move(made->entry));
        recorded_.push_back(i);
    } else {
        results_[i] =
            made.ok() ? Result<SignedReceipt>(std::move(made->artefact)) : std::move(made).error();
    }
}

std::vector<ledger::Entry> ReceiptBatch::take_entries() {
    std::vector<ledger::Entry> entries;
    recorded_.clear();
    for (std::size_t i = 0; i < made_.size(); ++i) {
        take_entry(i, entries);
    }
    return entries;
}

std::vector<ledger::Entry> ReceiptBatch::sign_again(const Appliance& appliance,
                                                    const claw::LeafCaller& caller) {
    std::vector<ledger::Entry> entries;
    recorded_.clear();
    for (std::size_t i = 0; i < results_.size(); ++i) {
        if (!results_[i].ok() && results_[i].error().code == ErrorCode::key_not_active) {
            sign(appliance, caller, i, i + 1);
            take_entry(i, entries);
        }
    }
    return entries;
}

void ReceiptBatch::settle(const std::vector<ledger::Outcome>& outcomes) {
    for (std::size_t k = 0; k < recorded_.size(); ++k) {
        const std::size_t i = recorded_[k];
        results_[i] = settled(*std::move(made_[i]), outcomes.at(k));
    }
}

Result<Made<SignedReceipt>> ReceiptBatch::sign_one(const Appliance& appliance,
                                                   const claw::LeafCaller& caller,
                                                   std::string_view element) const {
    if (element.size() > kMaxReceiptBytes) {
        return Error(ErrorCode::too_large, "a receipt must have at most 65536 bytes");
    }
    TRY(auto request, claw::parse_receipt_request(element, with_legacy_));
    return sign_receipt(appliance, caller, std::move(request));
}

}  // namespace clawsigner::service
