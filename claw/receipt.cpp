#include "claw/receipt.h"

#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "crypto/digest.h"

#include <algorithm>
#include <array>

namespace clawsigner::claw {
namespace {

constexpr std::string_view kReceiptIdStart = "rcpt_";
constexpr std::size_t kMaxReceiptIdBytes = 128;

struct SpanName {
    std::string_view snake;
    std::string_view camel;
};
constexpr std::array kSpanNames{
    SpanName{"span_id", "spanId"},
    SpanName{"parent_span_id", "parentSpanId"},
    SpanName{"tool_span_id", "toolSpanId"},
};

bool is_id_char(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

/// A span id under either spelling. Both at once could say two things, so that is refused.
void read_spans(JsonReader& in, ReceiptBinding& binding) {
    for (const auto& [snake, camel] : kSpanNames) {
        if (in.has(snake) && in.has(camel)) {
            in.refuse(camel, "says again what " + std::string(snake) + " says");
        }
        for (const std::string_view name : {snake, camel}) {
            if (auto id = in.optional_text(name, kMaxIdBytes)) {
                binding.spans.emplace_back(name, std::move(*id));
            }
        }
    }
}

std::optional<ReceiptBinding> read_binding(JsonReader& parent) {
    const JsonValue* value = parent.optional_object("binding");
    if (value == nullptr) {
        return std::nullopt;
    }
    JsonReader in(*value, member_path(parent.path(), "binding"));
    ReceiptBinding binding;
    binding.run_id = in.optional_text("run_id", kMaxIdBytes);
    binding.event_hash_b64u = in.optional_b64u("event_hash_b64u", kMinHashChars, kMaxHashChars);
    binding.nonce = in.optional_text("nonce", kMaxIdBytes);
    binding.policy_hash = in.optional_text("policy_hash", kMaxIdBytes);
    binding.token_scope_hash_b64u =
        in.optional_b64u("token_scope_hash_b64u", kMinHashChars, kMaxHashChars);
    read_spans(in, binding);
    binding.phase = in.optional_one_of("phase", {"setup", "planning", "reasoning", "execution",
                                                 "observation", "reflection", "teardown"});
    binding.attribution_confidence = in.optional_number("attribution_confidence", 0, 1);
    if (const Status read = in.finish(); !read.ok()) {
        parent.refuse(read.error());
    }
    return binding;
}

std::optional<std::string> read_metadata(JsonReader& in) {
    const JsonValue* value = in.optional_object("metadata");
    if (value == nullptr) {
        return std::nullopt;
    }
    std::string text = json_text(*value);
    if (text.size() > kMaxMetadataBytes) {
        in.refuse("metadata", "must print as at most 16384 bytes");
    }
    return text;
}

std::string binding_text(const ReceiptBinding& binding) {
    JsonWriter out;
    out.optional_text("run_id", binding.run_id)
        .optional_text("event_hash_b64u", binding.event_hash_b64u)
        .optional_text("nonce", binding.nonce)
        .optional_text("policy_hash", binding.policy_hash)
        .optional_text("token_scope_hash_b64u", binding.token_scope_hash_b64u);
    for (const auto& [name, id] : binding.spans) {
        out.text(name, id);
    }
    out.optional_text("phase", binding.phase);
    if (binding.attribution_confidence) {
        out.number("attribution_confidence", *binding.attribution_confidence);
    }
    return out.done();
}

std::string payload_text(const GatewayReceipt& receipt) {
    const ReceiptContent& content = receipt.content;
    JsonWriter out;
    out.text("receipt_version", "1")
        .text("receipt_id", receipt.receipt_id)
        .text("gateway_id", kGatewayId)
        .text("provider", content.provider)
        .text("model", content.model ? *content.model : kUnknownModel)
        .text("request_hash_b64u", content.request_hash_b64u)
        .text("response_hash_b64u", content.response_hash_b64u)
        .integer("tokens_input", content.tokens_input)
        .integer("tokens_output", content.tokens_output)
        .integer("latency_ms", content.latency_ms)
        .time("timestamp", receipt.timestamp);
    if (content.binding && !content.binding->empty()) {
        out.raw("binding", binding_text(*content.binding));
    }
    if (content.metadata) {
        out.raw("metadata", *content.metadata);
    }
    return out.done();
}

}  // namespace

bool ReceiptBinding::empty() const noexcept {
    return !run_id && !event_hash_b64u && !nonce && !policy_hash && !token_scope_hash_b64u &&
           spans.empty() && !phase && !attribution_confidence;
}

ReceiptContent read_receipt_content(JsonReader& in) {
    ReceiptContent content;
    content.provider = in.text("provider", kMaxIdBytes);
    content.model = in.optional_text("model", kMaxIdBytes);
    content.request_hash_b64u = in.b64u("request_hash_b64u", kMinHashChars, kMaxHashChars);
    content.response_hash_b64u = in.b64u("response_hash_b64u", kMinHashChars, kMaxHashChars);
    content.tokens_input = in.integer("tokens_input", 0, kMaxTokens);
    content.tokens_output = in.integer("tokens_output", 0, kMaxTokens);
    content.latency_ms = in.integer("latency_ms", 0, kMaxLatencyMs);
    content.binding = read_binding(in);
    content.metadata = read_metadata(in);
    return content;
}

std::optional<std::string> read_receipt_id(JsonReader& in) {
    auto id = in.optional_text("receipt_id", kMaxReceiptIdBytes);
    const bool well_formed =
        !id || (id->starts_with(kReceiptIdStart) && id->size() > kReceiptIdStart.size() &&
                std::ranges::all_of(*id, is_id_char));
    if (!well_formed) {
        in.refuse("receipt_id", "must be \"rcpt_\" and letters, digits, '.', '_' or '-'");
    }
    return id;
}

Result<ReceiptPayload> ReceiptPayload::of(const GatewayReceipt& receipt) {
    std::string text = payload_text(receipt);
    std::string hash = crypto::sha256_b64u(text);
    TRY(Input input, Input::of(hash));
    return ReceiptPayload(std::move(text), base::format_utc(receipt.timestamp), std::move(hash),
                          std::move(input));
}

std::string ReceiptPayload::envelope(const crypto::KeyIdentity& signer,
                                     const crypto::Signature& signature) const {
    return JsonWriter()
        .text("envelope_version", "1")
        .text("envelope_type", "gateway_receipt")
        .raw("payload", text_)
        .text("payload_hash_b64u", hash_)
        .text("hash_algorithm", "SHA-256")
        .text("signature_b64u", base::base64url_encode(signature))
        .text("algorithm", crypto::envelope_algorithm(signer.key.algorithm()))
        .text("signer_did", signer.did)
        .text("issued_at", issued_at_)
        .done();
}

}  // namespace clawsigner::claw
