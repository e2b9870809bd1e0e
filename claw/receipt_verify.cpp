#include "claw/receipt_verify.h"

#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "claw/legacy_receipt.h"
#include "claw/receipt.h"
#include "crypto/digest.h"
#include "crypto/key_forms.h"

#include <algorithm>
#include <array>

namespace clawsigner::claw {
namespace {

constexpr std::size_t kHashChars = 43;
constexpr std::size_t kSignatureChars = 86;
constexpr std::size_t kMaxDid = 128;

using Keys = std::vector<crypto::PublicKey>;

/// The first thing found wrong. Checks are written one after the other; only the first fault
/// counts.
class Findings {
public:
    void expect(bool good, VerdictCode code, std::string_view message) {
        if (!good && verdict_.code == VerdictCode::valid) {
            verdict_ = {code, std::string(message)};
        }
    }
    void expect(const Status& status, VerdictCode code) {
        expect(status.ok(), code, status.ok() ? "" : status.error().message);
    }
    bool any() const { return verdict_.code != VerdictCode::valid; }
    const Verdict& verdict() const { return verdict_; }

private:
    Verdict verdict_{VerdictCode::valid, ""};
};

struct Envelope {
    std::string payload_text;
    std::string payload_hash;
    std::string signature;
    std::string algorithm;
    std::string signer_did;
    std::string issued_at;
    GatewayReceipt receipt;
};

bool is(const JsonValue& envelope, std::string_view name, std::string_view expected) {
    const JsonValue* value = envelope.get_object().if_contains(name);
    return value != nullptr && value->is_string() && value->get_string() == expected;
}

/// The constants an ecosystem verifier looks at before the schema, each with a code of its own.
void check_kind(const JsonValue& envelope, Findings& findings) {
    findings.expect(is(envelope, "envelope_version", "1"), VerdictCode::unknown_envelope_version,
                    "envelope_version must be \"1\"");
    findings.expect(is(envelope, "envelope_type", "gateway_receipt"),
                    VerdictCode::unknown_envelope_type,
                    "envelope_type must be \"gateway_receipt\"");
    findings.expect(is(envelope, "algorithm", "Ed25519") || is(envelope, "algorithm", "ES256"),
                    VerdictCode::unknown_algorithm, "algorithm must be \"Ed25519\" or \"ES256\"");
    findings.expect(is(envelope, "hash_algorithm", "SHA-256"), VerdictCode::unknown_hash_algorithm,
                    "hash_algorithm must be \"SHA-256\"");
}

GatewayReceipt read_payload(const JsonValue& payload, JsonReader& parent) {
    JsonReader in(payload, "payload");
    GatewayReceipt receipt;
    in.constant("receipt_version", "1");
    in.constant("gateway_id", kGatewayId);
    receipt.receipt_id = in.text("receipt_id", kMaxIdBytes);
    receipt.timestamp = in.time("timestamp");
    if (!in.has("model")) {
        in.refuse("model", "is missing");
    }
    receipt.content = read_receipt_content(in);
    if (const Status read = in.finish(); !read.ok()) {
        parent.refuse(read.error());
    }
    return receipt;
}

Result<Envelope> read_envelope(const JsonValue& value) {
    JsonReader in(value, "");
    Envelope envelope;
    in.constant("envelope_version", "1");
    in.constant("envelope_type", "gateway_receipt");
    in.constant("hash_algorithm", "SHA-256");
    envelope.payload_hash = in.b64u("payload_hash_b64u", kHashChars, kHashChars);
    envelope.signature = in.b64u("signature_b64u", kSignatureChars, kSignatureChars);
    envelope.algorithm = in.text("algorithm", kMaxIdBytes);
    envelope.signer_did = in.text("signer_did", kMaxDid);
    envelope.issued_at = in.text("issued_at", kMaxIdBytes);
    if (const JsonValue* payload = in.object("payload")) {
        envelope.payload_text = json_text(*payload);
        envelope.receipt = read_payload(*payload, in);
    }
    CHECK_OK(in.finish());
    return envelope;
}

const crypto::PublicKey* trusted_signer(const Keys& trusted, std::string_view did) {
    const auto found =
        std::ranges::find_if(trusted, [&](const auto& key) { return crypto::did_key(key) == did; });
    return found == trusted.end() ? nullptr : &*found;
}

bool signature_holds(const crypto::PublicKey& key, std::string_view message,
                     std::string_view b64u) {
    const auto signature = base::base64url_decode(b64u);
    return signature.ok() && key.verifies(base::as_bytes(message), *signature);
}

void check_signed(const Envelope& envelope, const Keys& trusted, Findings& findings) {
    findings.expect(crypto::public_key_from_did(envelope.signer_did).ok(),
                    VerdictCode::invalid_did_format,
                    "signer_did must be a did:key of an Ed25519 or P-256 key");
    findings.expect(!trusted.empty(), VerdictCode::dependency_not_configured,
                    "no trusted signer was given");
    const crypto::PublicKey* signer = trusted_signer(trusted, envelope.signer_did);
    findings.expect(signer != nullptr, VerdictCode::claim_not_found,
                    "signer_did is not among the trusted signers");
    findings.expect(envelope.issued_at == base::format_utc(envelope.receipt.timestamp),
                    VerdictCode::malformed_envelope, "issued_at must equal payload.timestamp");
    findings.expect(crypto::sha256_b64u(envelope.payload_text) == envelope.payload_hash,
                    VerdictCode::hash_mismatch, "payload_hash_b64u is not the payload's hash");
    if (findings.any()) {
        return;
    }
    findings.expect(crypto::envelope_algorithm(signer->algorithm()) == envelope.algorithm,
                    VerdictCode::unknown_algorithm, "algorithm is not that of the signer's key");
    findings.expect(signature_holds(*signer, envelope.payload_hash, envelope.signature),
                    VerdictCode::signature_invalid,
                    "the signature is not the signer's over this payload");
}

// The order in which a v1.0 receipt's members are signed, whatever order they stand in.
constexpr std::array<std::string_view, 14> kLegacySigned{
    "version",          "proxyDid",         "provider", "model",   "requestHash", "responseHash",
    "timestamp",        "latencyMs",        "kid",      "binding", "payment",     "privacyMode",
    "encryptedRequest", "encryptedResponse"};

// Those of them, and the signature, that are held against the envelope or the key.
constexpr std::array<std::string_view, 11> kLegacyOfEnvelope{
    "version",   "proxyDid",  "provider", "model",   "requestHash", "responseHash",
    "timestamp", "latencyMs", "kid",      "binding", "signature"};

std::string legacy_signed_text(const JsonObject& legacy) {
    JsonWriter out;
    for (const std::string_view name : kLegacySigned) {
        if (const JsonValue* value = legacy.if_contains(name)) {
            out.raw(name, json_text(*value));
        }
    }
    return out.done();
}

std::string hex_of_b64u(std::string_view b64u) {
    const auto bytes = base::base64url_decode(b64u);
    return bytes.ok() ? base::hex_encode(*bytes) : std::string();
}

/// The same model: a v1.0 receipt leaves out the one that the envelope calls unknown.
bool model_agrees(const JsonObject& legacy, const ReceiptContent& content) {
    const JsonValue* model = legacy.if_contains("model");
    if (model == nullptr) {
        return content.model == kUnknownModel;
    }
    return model->is_string() && model->get_string() == content.model.value_or("");
}

/// The same run, event, nonce, policy and token scope.
bool binding_agrees(const JsonObject& legacy, const ReceiptContent& content) {
    const std::string expected =
        content.binding ? legacy_binding_text(*content.binding) : std::string("{}");
    const JsonValue* binding = legacy.if_contains("binding");
    return binding == nullptr ? expected == "{}" : json_text(*binding) == expected;
}

/// Payment and privacy have the form a v1.0 receipt gives them.
Status check_legacy_content(const JsonValue& legacy) {
    JsonReader in(legacy, "legacy");
    for (const std::string_view name : kLegacyOfEnvelope) {
        in.optional_any(name);
    }
    read_legacy_content(in);
    return in.finish();
}

/// Does the legacy receipt speak of the call the envelope speaks of?
bool agrees(const JsonValue& legacy, const Envelope& envelope) {
    const ReceiptContent& content = envelope.receipt.content;
    const JsonValue* latency = legacy.get_object().if_contains("latencyMs");
    const double* latency_ms = latency == nullptr ? nullptr : latency->if_double();
    return is(legacy, "version", "1.0") && is(legacy, "proxyDid", kGatewayId) &&
           is(legacy, "provider", content.provider) &&
           is(legacy, "requestHash", hex_of_b64u(content.request_hash_b64u)) &&
           is(legacy, "responseHash", hex_of_b64u(content.response_hash_b64u)) &&
           is(legacy, "timestamp", envelope.issued_at) &&
           model_agrees(legacy.get_object(), content) &&
           binding_agrees(legacy.get_object(), content) && latency_ms != nullptr &&
           *latency_ms == static_cast<double>(content.latency_ms);
}

void check_legacy(const JsonValue& legacy, const Envelope& envelope,
                  const crypto::PublicKey& signer, Findings& findings) {
    const Status content = check_legacy_content(legacy);
    findings.expect(content, VerdictCode::schema_validation_failed);
    if (!content.ok()) {
        return;
    }
    const auto* object = legacy.if_object();
    findings.expect(agrees(legacy, envelope), VerdictCode::schema_validation_failed,
                    "legacy and envelope do not speak of the same call");
    findings.expect(is(legacy, "kid", crypto::kid(signer)), VerdictCode::claim_not_found,
                    "legacy.kid is not the signer's");
    const JsonValue* signature = object->if_contains("signature");
    findings.expect(
        signature != nullptr && signature->is_string() &&
            signature_holds(signer, legacy_signed_text(*object), signature->get_string()),
        VerdictCode::signature_invalid, "legacy.signature is not the signer's over this receipt");
}

ReceiptSummary summary_of(const Envelope& envelope, bool with_legacy) {
    return {envelope.receipt.receipt_id,
            envelope.receipt.content.provider,
            envelope.receipt.content.model.value_or(""),
            envelope.issued_at,
            envelope.signer_did,
            envelope.algorithm,
            with_legacy};
}

/// As service/sign_receipt records it: what was signed, and the text that was handed out.
Recorded recorded_of(const Envelope& envelope, const JsonValue& text) {
    const auto signer = crypto::public_key_from_did(envelope.signer_did);
    return {crypto::Family::gateway_receipt,
            "gateway_receipt",
            envelope.receipt.receipt_id,
            signer.ok() ? crypto::kid(*signer) : std::string(),
            crypto::sha256_b64u(envelope.payload_hash),
            crypto::sha256_b64u(json_text(text))};
}

Recorded legacy_of(Recorded recorded, const JsonValue& legacy) {
    recorded.artefact = "gateway_receipt_v1.0";
    recorded.signed_sha256 = crypto::sha256_b64u(legacy_signed_text(legacy.get_object()));
    recorded.answer_sha256 = crypto::sha256_b64u(json_text(legacy));
    return recorded;
}

/// The envelope in a text that is one or holds one, with the legacy receipt beside it.
struct Parts {
    const JsonValue* envelope = nullptr;
    const JsonValue* legacy = nullptr;
};

Result<Parts> parts_of(const JsonValue& document) {
    if (document.is_object() && document.get_object().contains("envelope_version")) {
        return Parts{&document, nullptr};
    }
    JsonReader in(document, "");
    Parts parts;
    parts.envelope = in.object("envelope");
    parts.legacy = in.optional_object("legacy");
    CHECK_OK(in.finish());
    return parts;
}

ReceiptVerdict refused(VerdictCode code, const Error& error) {
    return {{code, error.message}, std::nullopt, {}};
}

}  // namespace

ReceiptVerdict verify_receipt(std::string_view text, const Keys& trusted) {
    const auto document = parse_json(text, JsonRules::javascript);
    if (!document.ok()) {
        return refused(VerdictCode::malformed_envelope, document.error());
    }
    const auto parts = parts_of(*document);
    if (!parts.ok()) {
        return refused(VerdictCode::malformed_envelope, parts.error());
    }
    Findings findings;
    check_kind(*parts->envelope, findings);
    if (findings.any()) {
        return {findings.verdict(), std::nullopt, {}};
    }
    const auto envelope = read_envelope(*parts->envelope);
    if (!envelope.ok()) {
        return refused(VerdictCode::schema_validation_failed, envelope.error());
    }
    check_signed(*envelope, trusted, findings);
    if (!findings.any() && parts->legacy != nullptr) {
        check_legacy(*parts->legacy, *envelope, *trusted_signer(trusted, envelope->signer_did),
                     findings);
    }
    if (findings.any()) {
        return {findings.verdict(), std::nullopt, {}};
    }
    ReceiptVerdict valid{findings.verdict(), summary_of(*envelope, parts->legacy != nullptr), {}};
    valid.recorded.push_back(recorded_of(*envelope, *parts->envelope));
    if (parts->legacy != nullptr) {
        valid.recorded.push_back(legacy_of(valid.recorded.front(), *parts->legacy));
    }
    return valid;
}

}  // namespace clawsigner::claw
