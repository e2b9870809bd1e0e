#include "service/sign_receipt.h"

#include "base/secret.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "service/receipt_grounds.h"

#include <utility>

namespace clawsigner::service {
namespace {

using crypto::Family;
using ReceiptSigner = hsm::Signer<Family::gateway_receipt>;

Result<UnixMillis> judged_timestamp(const Appliance& appliance,
                                    const std::optional<UnixMillis>& stated) {
    const UnixMillis now = appliance.time->judged();
    if (!stated) {
        return now;
    }
    const auto off = *stated > now ? *stated - now : now - *stated;
    if (off > appliance.limits.timestamp_skew) {
        Error error = Error::at(
            "timestamp", "is more than " + std::to_string(appliance.limits.timestamp_skew.count()) +
                             " s off this host's time, " + base::format_utc(now));
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

/// What names the receipt in the log, before it is known whether there may be one.
claw::ArtefactLeaf receipt_leaf(const claw::LeafCaller& caller, const claw::ReceiptRequest& request,
                                const std::string& receipt_id) {
    claw::ArtefactLeaf leaf;
    leaf.family = Family::gateway_receipt;
    leaf.artefact = "gateway_receipt";
    leaf.id = receipt_id;
    leaf.caller = caller;
    if (const auto& binding = request.content.binding) {
        leaf.run_id = binding->run_id;
        if (binding->nonce) {
            leaf.request_sha256 = request.request_sha256;
            leaf.nonce_sha256 = base::base64url_encode(
                claw::nonce_key(claw::kGatewayId, binding->run_id, *binding->nonce));
        }
    }
    return leaf;
}

/// What receipt and leaf say of the token and the contract is ours.
void bind(claw::ReceiptContent& content, claw::ArtefactLeaf& leaf, ReceiptGrounds grounds) {
    leaf.rule = grounds.rule;
    leaf.policy_hash = grounds.policy_hash;
    leaf.cst_sha256 = std::move(grounds.cst_sha256);
    leaf.decision_sha256 = std::move(grounds.decision_sha256);
    leaf.after_expiry = grounds.after_expiry;
    if (!grounds.token_scope_hash) {
        return;
    }
    if (!content.binding) {
        content.binding.emplace();
    }
    content.binding->policy_hash = std::move(grounds.policy_hash);
    content.binding->token_scope_hash_b64u = std::move(grounds.token_scope_hash);
}

/// The leaf once the artefact is signed. Only what may be asked for again is kept beside it.
ledger::Item item_of(claw::ArtefactLeaf leaf, const std::string& kid, ByteView signed_bytes,
                     const std::string& text) {
    leaf.kid = kid;
    leaf.signed_sha256 = base::base64url_encode(crypto::sha256(signed_bytes));
    leaf.answer_sha256 = crypto::sha256_b64u(text);
    const bool kept = leaf.nonce_sha256.has_value();
    return {std::move(leaf), kept ? std::optional(text) : std::nullopt};
}

void wipe(std::string& text) {
    base::wipe_bytes({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

SignedReceipt as_then(const ledger::Replayed& replayed) {
    SignedReceipt receipt{replayed.answers.at(0), std::nullopt};
    if (replayed.answers.size() > 1) {
        receipt.legacy = replayed.answers.at(1);
    }
    return receipt;
}

/// What was recorded under these names before, if anything. A request that names nothing, and whose
/// id is made here, has nothing to look for.
Result<std::optional<SignedReceipt>> made_before(const Appliance& appliance,
                                                 const claw::ArtefactLeaf& leaf,
                                                 std::size_t items) {
    const auto foreseen = appliance.ledger->foresee(leaf, items);
    if (!foreseen) {
        return std::optional<SignedReceipt>();
    }
    TRY(const auto outcome, *foreseen);
    return std::optional(as_then(std::get<ledger::Replayed>(outcome)));
}

}  // namespace

Result<Made<SignedReceipt>> sign_receipt(const Appliance& appliance, const claw::LeafCaller& caller,
                                         claw::ReceiptRequest request) {
    CHECK_OK(appliance.ledger->ready());
    claw::GatewayReceipt receipt;
    const bool is_named = request.receipt_id || request.request_sha256;
    TRY(receipt.receipt_id, receipt_id(std::move(request.receipt_id)));
    auto leaf = receipt_leaf(caller, request, receipt.receipt_id);
    if (is_named) {
        TRY(auto before, made_before(appliance, leaf, request.legacy ? 2 : 1));
        if (before) {
            return Made<SignedReceipt>{*std::move(before), {}};
        }
    }
    TRY(receipt.timestamp, judged_timestamp(appliance, request.timestamp));
    TRY(auto grounds, ground_receipt(appliance, caller, request, receipt.timestamp));
    receipt.content = std::move(request.content);
    bind(receipt.content, leaf, std::move(grounds));

    TRY(const ReceiptSigner signer, appliance.keyring->signer<Family::gateway_receipt>());
    const std::string& kid = signer.identity().kid;
    const Deadline deadline = base::deadline_in(appliance.limits.deadline);
    TRY(const auto payload, claw::ReceiptPayload::of(receipt));
    TRY(const auto signature, signer.sign(payload.input(), deadline));
    Made<SignedReceipt> made{{payload.envelope(signer.identity(), signature), std::nullopt}, {}};
    made.entry.items.push_back(item_of(leaf, kid, payload.input().bytes(), made.artefact.envelope));
    if (request.legacy) {
        TRY(const auto legacy, claw::LegacyReceipt::of(receipt, *request.legacy, kid));
        TRY(const auto legacy_signature, signer.sign(legacy.input(), deadline));
        made.artefact.legacy = legacy.text(legacy_signature);
        auto legacy_leaf = leaf;
        legacy_leaf.artefact = "gateway_receipt_v1.0";
        made.entry.items.push_back(
            item_of(std::move(legacy_leaf), kid, legacy.input().bytes(), *made.artefact.legacy));
    }
    return made;
}

Result<SignedReceipt> settled(Made<SignedReceipt> made, const ledger::Outcome& outcome) {
    if (outcome.ok() && std::holds_alternative<ledger::Recorded>(*outcome)) {
        return std::move(made.artefact);
    }
    wipe(made.artefact.envelope);
    if (made.artefact.legacy) {
        wipe(*made.artefact.legacy);
    }
    if (!outcome.ok()) {
        return outcome.error();
    }
    return as_then(std::get<ledger::Replayed>(*outcome));
}

}  // namespace clawsigner::service
