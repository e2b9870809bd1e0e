#include "service/sign_receipt.h"

#include "crypto/random.h"

#include <utility>

namespace clawsigner::service {
namespace {

using crypto::Family;
using ReceiptSigner = hsm::Signer<Family::gateway_receipt>;

Result<UnixMillis> judged_timestamp(const Appliance& appliance,
                                    const std::optional<UnixMillis>& stated) {
    const UnixMillis now = appliance.clock->now();
    if (!stated) {
        return now;
    }
    const auto off = *stated > now ? *stated - now : now - *stated;
    if (off > appliance.limits.timestamp_skew) {
        Error error = Error::at(
            "timestamp", "is more than " + std::to_string(appliance.limits.timestamp_skew.count()) +
                             " s off this host's clock, " + base::format_utc(now));
        error.code = ErrorCode::timestamp_skew;
        return error;
    }
    return *stated;
}

Result<std::string> receipt_id(std::optional<std::string> stated) {
    if (stated) {
        return std::move(*stated);
    }
    TRY(const std::string uuid, crypto::uuid_v4());
    return "rcpt_" + uuid;
}

Result<std::string> sign_legacy(const ReceiptSigner& signer, const claw::GatewayReceipt& receipt,
                                const claw::LegacyContent& content, Deadline deadline) {
    TRY(const auto legacy, claw::LegacyReceipt::of(receipt, content, signer.identity().kid));
    TRY(const auto signature, signer.sign(legacy.input(), deadline));
    return legacy.text(signature);
}

}  // namespace

Result<SignedReceipt> sign_receipt(const Appliance& appliance, claw::ReceiptRequest request) {
    claw::GatewayReceipt receipt;
    TRY(receipt.timestamp, judged_timestamp(appliance, request.timestamp));
    TRY(receipt.receipt_id, receipt_id(std::move(request.receipt_id)));
    receipt.content = std::move(request.content);

    TRY(const ReceiptSigner signer, appliance.keyring->signer<Family::gateway_receipt>());
    const Deadline deadline = base::deadline_in(appliance.limits.deadline);
    TRY(const auto payload, claw::ReceiptPayload::of(receipt));
    TRY(const auto signature, signer.sign(payload.input(), deadline));
    SignedReceipt made{payload.envelope(signer.identity(), signature), std::nullopt};
    if (request.legacy) {
        TRY(made.legacy, sign_legacy(signer, receipt, *request.legacy, deadline));
    }
    return made;
}

}  // namespace clawsigner::service
