#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "crypto/key_forms.h"
#include "crypto/signing_input.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The gateway receipt, version 1: what a proxy says of one model call, in the ecosystem's
/// universal envelope. The limits are those its verifiers hold a receipt to; what they would refuse
/// is not signed.
namespace clawsigner::claw {

class JsonReader;

inline constexpr std::string_view kGatewayId = "did:web:clawproxy.com";
inline constexpr std::string_view kUnknownModel = "unknown";
inline constexpr std::int64_t kMaxTokens = 10'000'000;
inline constexpr std::int64_t kMaxLatencyMs = 3'600'000;
inline constexpr std::size_t kMinHashChars = 8;
inline constexpr std::size_t kMaxHashChars = 128;
inline constexpr std::size_t kMaxIdBytes = 256;
inline constexpr std::size_t kMaxMetadataBytes = 16'384;

/// What ties a receipt to a run, an event, a token and a policy. Every member is optional; none is
/// ever blank.
struct ReceiptBinding {
    std::optional<std::string> run_id;
    std::optional<std::string> event_hash_b64u;
    std::optional<std::string> nonce;
    std::optional<std::string> policy_hash;
    std::optional<std::string> token_scope_hash_b64u;
    /// Span ids under the spelling they came with (span_id or spanId, …), in the schema's order.
    std::vector<std::pair<std::string_view, std::string>> spans;
    std::optional<std::string> phase;
    std::optional<double> attribution_confidence;

    bool empty() const noexcept;
};

/// The payload's members that only the caller knows.
struct ReceiptContent {
    std::string provider;
    std::optional<std::string> model;  // printed as "unknown" when absent
    std::string request_hash_b64u;
    std::string response_hash_b64u;
    std::int64_t tokens_input = 0;
    std::int64_t tokens_output = 0;
    std::int64_t latency_ms = 0;
    std::optional<ReceiptBinding> binding;
    std::optional<std::string> metadata;  // an object, as JavaScript prints it
};

struct GatewayReceipt {
    std::string receipt_id;
    UnixMillis timestamp;
    ReceiptContent content;
};

/// Reads ReceiptContent's members from an object that may have others; faults stay with the reader.
ReceiptContent read_receipt_content(JsonReader& in);
/// "rcpt_" and 1 to 123 of A-Z a-z 0-9 . _ -
std::optional<std::string> read_receipt_id(JsonReader& in);

/// A receipt on its way to be signed.
class ReceiptPayload {
public:
    static Result<ReceiptPayload> of(const GatewayReceipt& receipt);

    /// The payload as JSON.stringify prints it: the bytes that are hashed.
    const std::string& text() const noexcept { return text_; }
    /// What the key signs: the 43 characters of H(text).
    const crypto::SigningInput<crypto::Family::gateway_receipt>& input() const noexcept {
        return input_;
    }

    /// The whole envelope, members in the ecosystem's order.
    std::string envelope(const crypto::KeyIdentity& signer,
                         const crypto::Signature& signature) const;

private:
    using Input = crypto::SigningInput<crypto::Family::gateway_receipt>;
    ReceiptPayload(std::string text, std::string issued_at, std::string hash, Input input)
        : text_(std::move(text)),
          issued_at_(std::move(issued_at)),
          hash_(std::move(hash)),
          input_(std::move(input)) {}

    std::string text_;
    std::string issued_at_;
    std::string hash_;
    Input input_;
};

}  // namespace clawsigner::claw
