#pragma once

#include "base/result.h"
#include "service/appliance.h"
#include "service/sign_receipt.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::service {

/// Up to 1,000 receipts of one request. The body is only cut into its elements here; each is read,
/// built and signed by itself, so that they can be spread over threads and one that is bad fails
/// alone.
class ReceiptBatch {
public:
    static constexpr std::size_t kMaxReceipts = 1000;
    static constexpr std::size_t kMaxReceiptBytes = 65'536;

    /// `body` must outlive the batch. Errors: malformed_json, too_large.
    static Result<ReceiptBatch> split(std::string_view body, bool with_legacy);

    std::size_t size() const noexcept { return elements_.size(); }

    /// Signs the elements [from, to). Different ranges may be signed by different threads at once.
    void sign(const Appliance& appliance, const claw::LeafCaller& caller, std::size_t from,
              std::size_t to);

    /// The leaves of everything that was signed, for the ledger.
    std::vector<ledger::Entry> take_entries();
    /// Signs again what was signed with a key that stopped signing before it was recorded. To be
    /// recorded and settled as before; empty when there is nothing of the kind.
    std::vector<ledger::Entry> sign_again(const Appliance& appliance,
                                          const claw::LeafCaller& caller);
    /// What the ledger said of them, in their order.
    void settle(const std::vector<ledger::Outcome>& outcomes);

    /// One per element, in order; elements not signed or settled yet are errors of code `unset`.
    const std::vector<Result<SignedReceipt>>& results() const noexcept { return results_; }
    /// The text of one element.
    std::string_view element(std::size_t index) const noexcept { return elements_[index]; }

private:
    ReceiptBatch(std::vector<std::string_view> elements, bool with_legacy)
        : elements_(std::move(elements)),
          with_legacy_(with_legacy),
          made_(elements_.size()),
          results_(elements_.size()) {}

    Result<Made<SignedReceipt>> sign_one(const Appliance& appliance, const claw::LeafCaller& caller,
                                         std::string_view element) const;

    void take_entry(std::size_t i, std::vector<ledger::Entry>& entries);

    std::vector<std::string_view> elements_;
    bool with_legacy_;
    std::vector<Result<Made<SignedReceipt>>> made_;
    std::vector<std::size_t> recorded_;  // whose leaves were taken
    std::vector<Result<SignedReceipt>> results_;
};

}  // namespace clawsigner::service
