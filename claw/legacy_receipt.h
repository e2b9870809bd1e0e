#pragma once

#include "base/result.h"
#include "claw/receipt.h"

#include <optional>
#include <string>
#include <utility>

/// The v1.0 receipt (`_receipt`) that clawproxy still ships beside the envelope: camelCase, hex
/// hashes, and a signature over its own JSON text instead of over a hash.
namespace clawsigner::claw {

/// The members only a legacy receipt has.
struct LegacyContent {
    std::optional<std::string> payment;  // an object, as received and as JavaScript prints it
    std::string privacy_mode = "hash_only";
    std::optional<std::string> encrypted_request;   // {algorithm, iv, ciphertext, tag}
    std::optional<std::string> encrypted_response;  // likewise
};

/// Reads `payment`, `privacyMode`, `encryptedRequest` and `encryptedResponse`; faults stay with the
/// reader.
LegacyContent read_legacy_content(JsonReader& in);

/// The binding in the spelling of a v1.0 receipt: {"runId":…,"eventHash":…,…}; "{}" when it says
/// nothing there.
std::string legacy_binding_text(const ReceiptBinding& binding);

class LegacyReceipt {
public:
    using Input = crypto::SigningInput<crypto::Family::gateway_receipt>;

    /// `kid` is the signing key's. Error: internal, when the receipt's hashes are not base64url.
    static Result<LegacyReceipt> of(const GatewayReceipt& receipt, const LegacyContent& legacy,
                                    std::string kid);

    /// What the key signs: the receipt's own text, members in signing order.
    const Input& input() const noexcept { return input_; }
    /// The receipt as clawproxy prints it, which is not the signing order.
    std::string text(const crypto::Signature& signature) const;

private:
    LegacyReceipt(std::string before_proxy, std::string kid, Input input)
        : before_proxy_(std::move(before_proxy)), kid_(std::move(kid)), input_(std::move(input)) {}

    std::string before_proxy_;  // the printed object without proxyDid, kid and signature
    std::string kid_;
    Input input_;
};

}  // namespace clawsigner::claw
