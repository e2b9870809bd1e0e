#include "claw/jwks.h"

#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "crypto/key_forms.h"

namespace clawsigner::claw {
namespace {

constexpr std::size_t kMaxKeys = 256;
constexpr std::size_t kMaxMember = 128;

std::string jwk_text(const crypto::PublicKey& key) {
    const crypto::Jwk jwk = crypto::to_jwk(key);
    JsonWriter out;
    out.text("kty", jwk.kty).text("crv", jwk.crv).text("x", jwk.x);
    if (!jwk.y.empty()) {
        out.text("y", jwk.y);
    }
    return out.text("kid", jwk.kid)
        .text("alg", jwk.alg)
        .text("use", "sig")
        .boolean("ext", true)
        .done();
}

Result<crypto::PublicKey> parse_jwk(const JsonValue& value, const std::string& path) {
    JsonReader in(value, path);
    crypto::Jwk jwk;
    jwk.kty = in.text("kty", kMaxMember);
    jwk.crv = in.text("crv", kMaxMember);
    jwk.x = in.b64u("x", 1, kMaxMember);
    jwk.y = in.optional_b64u("y", 1, kMaxMember).value_or("");
    jwk.kid = in.text("kid", kMaxMember);
    jwk.alg = in.text("alg", kMaxMember);
    in.optional_constant("use", "sig");
    in.optional_any("ext");
    in.optional_any("key_ops");
    CHECK_OK(in.finish());
    auto key = crypto::public_key_from_jwk(jwk);
    if (!key.ok()) {
        return Error::at(path, "is not a key: " + key.error().message);
    }
    return key;
}

}  // namespace

std::string jwks_text(std::span<const crypto::PublicKey> keys) {
    std::string text = R"({"keys":[)";
    for (const crypto::PublicKey& key : keys) {
        text.append(text.back() == '[' ? "" : ",").append(jwk_text(key));
    }
    return text.append("]}");
}

Result<std::vector<crypto::PublicKey>> parse_jwks(std::string_view text) {
    TRY(const JsonValue document, parse_json(text, JsonRules::door));
    JsonReader in(document, "");
    const JsonValue* member = in.optional_any("keys");
    if (member == nullptr || !member->is_array() || member->get_array().size() > kMaxKeys) {
        in.refuse("keys", "must be an array of at most 256 keys");
    }
    CHECK_OK(in.finish());
    std::vector<crypto::PublicKey> keys;
    for (const JsonValue& element : member->get_array()) {
        TRY(crypto::PublicKey key, parse_jwk(element, "keys[" + std::to_string(keys.size()) + "]"));
        keys.push_back(std::move(key));
    }
    return keys;
}

}  // namespace clawsigner::claw
