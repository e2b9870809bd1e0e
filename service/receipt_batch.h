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
    void sign(const Appliance& appliance, std::size_t from, std::size_t to);

    /// One per element, in order; elements not signed yet are errors of code `unset`.
    const std::vector<Result<SignedReceipt>>& results() const noexcept { return results_; }

private:
    ReceiptBatch(std::vector<std::string_view> elements, bool with_legacy)
        : elements_(std::move(elements)), with_legacy_(with_legacy), results_(elements_.size()) {}

    Result<SignedReceipt> sign_one(const Appliance& appliance, std::string_view element) const;

    std::vector<std::string_view> elements_;
    bool with_legacy_;
    std::vector<Result<SignedReceipt>> results_;
};

}  // namespace clawsigner::service
