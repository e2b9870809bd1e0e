#include "claw/work_policy.h"

#include "base/encoding.h"
#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "crypto/digest.h"

#include <algorithm>

namespace clawsigner::claw {
namespace {

constexpr std::size_t kHashChars = 43;
constexpr std::size_t kSignatureChars = 86;
constexpr std::size_t kMaxAlgorithm = 128;

struct Envelope {
    const JsonValue* payload = nullptr;
    std::string hash;
    std::string signature;
    std::string algorithm;
    std::string signer_did;
};

Result<Envelope> read_envelope(const JsonValue& document) {
    JsonReader in(document, "", kWorkPolicyForm);
    Envelope envelope;
    in.constant("envelope_version", "1");
    in.constant("envelope_type", "work_policy_contract");
    in.constant("hash_algorithm", "SHA-256");
    envelope.payload = in.object("payload");
    envelope.hash = in.b64u("payload_hash_b64u", kHashChars, kHashChars);
    envelope.signature = in.b64u("signature_b64u", kSignatureChars, kSignatureChars);
    envelope.algorithm = in.text("algorithm", kMaxAlgorithm);
    envelope.signer_did = in.text("signer_did", kMaxWorkPolicyDid);
    (void)in.time("issued_at");
    CHECK_OK(in.finish());
    return envelope;
}

/// Is it signed, and by somebody we take contracts from?
Status check_signed(const Envelope& envelope, const WorkPolicy& policy,
                    std::span<const std::string> signers) {
    if (std::ranges::find(signers, envelope.signer_did) == signers.end()) {
        return Error::denied("wpc.signer", "signer_did", "is not one whose contracts are accepted");
    }
    const auto key = crypto::public_key_from_did(envelope.signer_did);
    if (!key.ok()) {
        return Error::denied("wpc.signer", "signer_did",
                             "is not a did:key of an Ed25519 or P-256 key");
    }
    if (crypto::envelope_algorithm(key->algorithm()) != envelope.algorithm) {
        return Error::denied("wpc.signature", "algorithm", "is not that of the signer's key");
    }
    if (policy.hash() != envelope.hash) {
        return Error::denied("wpc.hash", "payload_hash_b64u", "is not the hash of the payload");
    }
    const auto signature = base::base64url_decode(envelope.signature);
    if (!signature.ok() || !key->verifies(base::as_bytes(envelope.hash), *signature)) {
        return Error::denied("wpc.signature", "signature_b64u",
                             "is not the signer's over this contract");
    }
    return Status::done();
}

Result<JsonValue> parse_document(std::string_view text) {
    if (text.size() > kMaxWorkPolicyBytes) {
        return under_rule(Error(ErrorCode::too_large, "a contract may have at most 65536 bytes"),
                          kWorkPolicyForm);
    }
    auto document = parse_json(text, JsonRules::javascript);
    return document.ok() ? std::move(document) : under_rule(document.error(), kWorkPolicyForm);
}

}  // namespace

Result<WorkPolicy> WorkPolicy::parse(std::string_view text) {
    TRY(const JsonValue document, parse_document(text));
    return of(document, "");
}

Result<WorkPolicy> WorkPolicy::of(const JsonValue& payload, const std::string& path) {
    JsonReader in(payload, path, kWorkPolicyForm);
    WorkPolicyTerms terms = read_work_policy_terms(in);
    CHECK_OK(in.finish());
    std::string text = canonical_json_text(payload);
    if (text.size() > kMaxWorkPolicyBytes) {  // 1e20 is five characters here, and 21 there
        return under_rule(
            Error(ErrorCode::too_large, "a contract's canonical text has at most 65536 bytes"),
            kWorkPolicyForm);
    }
    std::string hash = crypto::sha256_b64u(text);
    return WorkPolicy(std::move(terms), std::move(text), std::move(hash));
}

Result<UnsignedWorkPolicy> UnsignedWorkPolicy::of(const WorkPolicy& policy) {
    TRY(Input input, Input::of(policy.hash()));
    return UnsignedWorkPolicy(policy.text(), policy.hash(), std::move(input));
}

std::string UnsignedWorkPolicy::envelope(const crypto::KeyIdentity& signer,
                                         const crypto::Signature& signature,
                                         UnixMillis issued_at) const {
    return JsonWriter()
        .text("envelope_version", "1")
        .text("envelope_type", "work_policy_contract")
        .raw("payload", payload_)
        .text("payload_hash_b64u", hash_)
        .text("hash_algorithm", "SHA-256")
        .text("signature_b64u", base::base64url_encode(signature))
        .text("algorithm", crypto::envelope_algorithm(signer.key.algorithm()))
        .text("signer_did", signer.did)
        .time("issued_at", issued_at)
        .done();
}

Result<SignedWorkPolicy> verify_work_policy_envelope(std::string_view text,
                                                     std::span<const std::string> signers) {
    TRY(const JsonValue document, parse_document(text));
    TRY(Envelope envelope, read_envelope(document));
    TRY(WorkPolicy policy, WorkPolicy::of(*envelope.payload, "payload"));
    CHECK_OK(check_signed(envelope, policy, signers));
    return SignedWorkPolicy{std::move(policy), std::move(envelope.signer_did), json_text(document)};
}

}  // namespace clawsigner::claw
