#include "claw/legacy_receipt.h"

#include "claw/javascript_text.h"
#include "claw/json_reader.h"
#include "claw/json_writer.h"

namespace clawsigner::claw {
namespace {

constexpr std::size_t kMaxBlobChars = 65'536;

/// {algorithm, iv, ciphertext, tag}: AES-256-GCM, made and readable by the proxy alone. Only its
/// form is checked.
std::optional<std::string> read_blob(JsonReader& parent, std::string_view name) {
    const JsonValue* value = parent.optional_object(name);
    if (value == nullptr) {
        return std::nullopt;
    }
    JsonReader in(*value, member_path(parent.path(), name));
    in.constant("algorithm", "AES-256-GCM");
    const std::string iv = in.b64u("iv", 1, kMaxBlobChars);
    const std::string ciphertext = in.b64u("ciphertext", 1, kMaxBlobChars);
    const std::string tag = in.b64u("tag", 1, kMaxBlobChars);
    if (const Status read = in.finish(); !read.ok()) {
        parent.refuse(read.error());
    }
    return JsonWriter()
        .text("algorithm", "AES-256-GCM")
        .text("iv", iv)
        .text("ciphertext", ciphertext)
        .text("tag", tag)
        .done();
}

/// What the platform noted when it paid: an object of its own, or a reference.
void check_payment_note(JsonReader& in, std::string_view name, bool required) {
    const JsonValue* note = in.optional_any(name);
    if (note == nullptr) {
        if (required) {
            in.refuse(name, "is missing");
        }
        return;
    }
    const bool reference = note->is_string() && !is_blank(note->get_string());
    if (!note->is_object() && !reference) {
        in.refuse(name, "must be an object or a string that is not blank");
    }
}

/// {mode:"user", paid:false} or {mode:"platform", paid:true, ledgerRef, accountBinding,
/// fundingCheck, delegationSpend?}. Verifiers re-print it in the order it came, so that order is
/// kept.
std::optional<std::string> read_payment(JsonReader& parent) {
    const JsonValue* value = parent.optional_object("payment");
    if (value == nullptr) {
        return std::nullopt;
    }
    JsonReader in(*value, member_path(parent.path(), "payment"));
    const auto mode = in.optional_one_of("mode", {"user", "platform"});
    if (!mode) {
        in.refuse("mode", "is missing");
    }
    const bool platform = mode == "platform";
    if (in.boolean("paid") != platform) {
        in.refuse("paid", platform ? "must be true when the platform pays"
                                   : "must be false when the user pays");
    }
    if (platform) {
        in.text("ledgerRef", kMaxIdBytes);
        check_payment_note(in, "accountBinding", true);
        check_payment_note(in, "fundingCheck", true);
        check_payment_note(in, "delegationSpend", false);
    }
    if (const Status read = in.finish(); !read.ok()) {
        parent.refuse(read.error());
    }
    return json_text(*value);
}

/// base64url in, hex out: the same digest in the older spelling.
Result<std::string> to_hex(const std::string& b64u) {
    TRY(const Bytes digest, base::base64url_decode(b64u));
    return base::hex_encode(digest);
}

void write_tail(JsonWriter& out, const GatewayReceipt& receipt, const LegacyContent& legacy) {
    if (receipt.content.binding) {
        if (const std::string binding = legacy_binding_text(*receipt.content.binding);
            binding != "{}") {
            out.raw("binding", binding);
        }
    }
    if (legacy.payment) {
        out.raw("payment", *legacy.payment);
    }
    out.text("privacyMode", legacy.privacy_mode);
    if (legacy.encrypted_request) {
        out.raw("encryptedRequest", *legacy.encrypted_request);
    }
    if (legacy.encrypted_response) {
        out.raw("encryptedResponse", *legacy.encrypted_response);
    }
}

}  // namespace

std::string legacy_binding_text(const ReceiptBinding& binding) {
    return JsonWriter()
        .optional_text("runId", binding.run_id)
        .optional_text("eventHash", binding.event_hash_b64u)
        .optional_text("nonce", binding.nonce)
        .optional_text("policyHash", binding.policy_hash)
        .optional_text("tokenScopeHashB64u", binding.token_scope_hash_b64u)
        .done();
}

LegacyContent read_legacy_content(JsonReader& in) {
    LegacyContent legacy;
    legacy.payment = read_payment(in);
    legacy.privacy_mode =
        in.optional_one_of("privacyMode", {"hash_only", "encrypted"}).value_or("hash_only");
    legacy.encrypted_request = read_blob(in, "encryptedRequest");
    legacy.encrypted_response = read_blob(in, "encryptedResponse");
    const bool encrypted = legacy.privacy_mode == "encrypted";
    if (!encrypted && (legacy.encrypted_request || legacy.encrypted_response)) {
        in.refuse("privacyMode", "must be \"encrypted\" when encrypted content is sent");
    }
    return legacy;
}

Result<LegacyReceipt> LegacyReceipt::of(const GatewayReceipt& receipt, const LegacyContent& legacy,
                                        std::string kid) {
    const ReceiptContent& content = receipt.content;
    TRY(const std::string request_hash, to_hex(content.request_hash_b64u));
    TRY(const std::string response_hash, to_hex(content.response_hash_b64u));
    const std::string timestamp = base::format_utc(receipt.timestamp);

    JsonWriter signed_text;
    signed_text.text("version", "1.0")
        .text("proxyDid", kGatewayId)
        .text("provider", content.provider)
        .optional_text("model", content.model)
        .text("requestHash", request_hash)
        .text("responseHash", response_hash)
        .text("timestamp", timestamp)
        .integer("latencyMs", content.latency_ms)
        .text("kid", kid);
    write_tail(signed_text, receipt, legacy);
    TRY(Input input, Input::of(signed_text.done()));

    JsonWriter printed;
    printed.text("version", "1.0")
        .text("provider", content.provider)
        .optional_text("model", content.model)
        .text("requestHash", request_hash)
        .text("responseHash", response_hash)
        .text("timestamp", timestamp)
        .integer("latencyMs", content.latency_ms);
    write_tail(printed, receipt, legacy);
    std::string before_proxy = printed.done();
    before_proxy.pop_back();  // text() goes on with the object
    return LegacyReceipt(std::move(before_proxy), std::move(kid), std::move(input));
}

std::string LegacyReceipt::text(const crypto::Signature& signature) const {
    const std::string rest = JsonWriter()
                                 .text("proxyDid", kGatewayId)
                                 .text("kid", kid_)
                                 .text("signature", base::base64url_encode(signature))
                                 .done();
    return before_proxy_ + "," + rest.substr(1);
}

}  // namespace clawsigner::claw
