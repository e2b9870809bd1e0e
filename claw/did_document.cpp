#include "claw/did_document.h"

#include "claw/json_writer.h"
#include "claw/published_keys.h"
#include "claw/receipt.h"
#include "claw/token.h"
#include "crypto/key_forms.h"

namespace clawsigner::claw {
namespace {

constexpr std::string_view kContext =
    R"(["https://www.w3.org/ns/did/v1","https://w3id.org/security/suites/ed25519-2020/v1"])";

Error no_active_key(const FamilyKeys& family) {
    return {ErrorCode::key_missing,
            "no key of " + std::string(crypto::family_name(family.family)) + " is active"};
}

std::string method_id(const KeyRecord& key) {
    return std::string(kGatewayId) + "#" + crypto::kid(key.public_key);
}

std::string in_quotes(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string verification_method(const KeyRecord& key) {
    const bool ed25519 = key.public_key.algorithm() == crypto::Algorithm::ed25519;
    return JsonWriter()
        .text("id", method_id(key))
        .text("type", ed25519 ? "Ed25519VerificationKey2020" : "EcdsaSecp256r1VerificationKey2019")
        .text("controller", kGatewayId)
        .text("publicKeyMultibase", "u" + base::base64url_encode(key.public_key.raw()))
        .done();
}

std::string deployment_text(const KeyRecord& active, std::string_view version) {
    return JsonWriter()
        .text("version", version)
        .boolean("signingEnabled", true)
        .boolean("encryptionEnabled", false)
        .text("service", "clawsigner")
        .text("receiptSignerDidKey", crypto::did_key(active.public_key))
        .done();
}

}  // namespace

Result<std::string> gateway_did_document(const FamilyKeys& receipts, UnixMillis now,
                                         std::string_view version) {
    const KeyRecord* active = receipts.active();
    if (active == nullptr) {
        return no_active_key(receipts);
    }
    const auto keys = published_keys(receipts, now);
    const auto method = [](const KeyRecord* key) { return verification_method(*key); };
    const auto id = [](const KeyRecord* key) { return in_quotes(method_id(*key)); };
    return JsonWriter()
        .raw("@context", kContext)
        .text("id", kGatewayId)
        .raw("verificationMethod", json_array_of(keys, method))
        .raw("authentication", "[" + id(active) + "]")
        .raw("assertionMethod", json_array_of(keys, id))
        .raw("deployment", deployment_text(*active, version))
        .done();
}

Result<std::string> issuer_did_text(const FamilyKeys& tokens) {
    const KeyRecord* active = tokens.active();
    if (active == nullptr) {
        return no_active_key(tokens);
    }
    return JsonWriter()
        .text("did", kIssuerId)
        .text("kid", crypto::kid(active->public_key))
        .text("public_key_b64u", base::base64url_encode(active->public_key.raw()))
        .done();
}

}  // namespace clawsigner::claw
