#include "claw/oidc_jwks.h"

#include "base/encoding.h"
#include "claw/json_reader.h"
#include "claw/json_writer.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

namespace clawsigner::claw {
namespace {

using crypto::JwsAlgorithm;

constexpr std::string_view kForm = "trust.form";
constexpr std::size_t kMaxKid = 256;
constexpr std::size_t kMaxNumber = 1'024;  // base64url characters of 4096 bits, and to spare
constexpr std::size_t kCoordinateChars = 43;
constexpr std::uint8_t kUncompressed = 0x04;  // SEC 1 section 2.3.3

// RFC 7518, sections 6.2.2, 6.3.2 and 6.4: what only a private or symmetric key has.
constexpr std::array<std::string_view, 8> kSecret{"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

std::string_view text_or(const JsonValue& key, std::string_view name, std::string_view otherwise) {
    const JsonValue* value = key.get_object().if_contains(name);
    return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                  : otherwise;
}

/// Is it for signatures, as far as it says?
bool is_for_signatures(const JsonValue& key) {
    const JsonObject& members = key.get_object();
    if (members.contains("use") && text_or(key, "use", "") != "sig") {
        return false;
    }
    const JsonValue* operations = members.if_contains("key_ops");
    return operations == nullptr ||
           (operations->is_array() && std::ranges::any_of(operations->get_array(), [](auto& each) {
                return each.is_string() && each.get_string() == "verify";
            }));
}

/// What the key verifies, or nothing where it is none of ours. A member of the wrong kind says
/// nothing that is known here.
std::optional<JwsAlgorithm> algorithm_of(const JsonValue& key) {
    const std::string_view kty = text_or(key, "kty", "");
    const std::string_view crv = text_or(key, "crv", "");
    const bool stated = key.get_object().contains("alg");
    const std::string_view alg = text_or(key, "alg", "");
    if (kty == "RSA") {
        const auto named = stated ? crypto::jws_algorithm_from_name(alg) : JwsAlgorithm::rs256;
        return named == JwsAlgorithm::rs256 || named == JwsAlgorithm::ps256 ? named : std::nullopt;
    }
    if (kty == "EC" && crv == "P-256" && (!stated || alg == "ES256")) {
        return JwsAlgorithm::es256;
    }
    if (kty == "OKP" && crv == "Ed25519" && (!stated || alg == "EdDSA")) {
        return JwsAlgorithm::eddsa;
    }
    return std::nullopt;
}

bool is_kid(std::string_view kid) {
    return !kid.empty() && kid.size() <= kMaxKid &&
           std::ranges::all_of(kid, [](char c) { return c > ' ' && c <= '~'; });
}

Bytes bytes_of(const std::string& b64u) {
    auto bytes = base::base64url_decode(b64u);
    return bytes.ok() ? std::move(*bytes) : Bytes();
}

Result<crypto::JwsKey> rsa_key(JwsAlgorithm algorithm, JsonReader& in, JsonWriter& out) {
    const std::string n = in.b64u("n", 1, kMaxNumber);
    const std::string e = in.b64u("e", 1, kMaxNumber);
    CHECK_OK(in.finish_open());
    out.text("e", e);
    out.text("kid", in.text("kid", kMaxKid)).text("kty", "RSA").text("n", n);
    return crypto::JwsKey::rsa(algorithm, bytes_of(n), bytes_of(e));
}

Result<crypto::JwsKey> curve_key(JwsAlgorithm algorithm, JsonReader& in, JsonWriter& out) {
    const bool is_ec = algorithm == JwsAlgorithm::es256;
    const std::string x = in.b64u("x", kCoordinateChars, kCoordinateChars);
    const std::string y = is_ec ? in.b64u("y", kCoordinateChars, kCoordinateChars) : std::string();
    CHECK_OK(in.finish_open());
    out.text("crv", is_ec ? "P-256" : "Ed25519").text("kid", in.text("kid", kMaxKid));
    out.text("kty", is_ec ? "EC" : "OKP");
    Bytes point = bytes_of(x);
    if (!is_ec) {
        TRY(crypto::PublicKey key, crypto::PublicKey::ed25519(point));
        return crypto::JwsKey::of(std::move(key));
    }
    const Bytes second = bytes_of(y);
    point.insert(point.begin(), kUncompressed);
    point.insert(point.end(), second.begin(), second.end());
    TRY(crypto::PublicKey key, crypto::PublicKey::p256(point));
    return crypto::JwsKey::of(std::move(key));
}

Result<OidcKey> read_key(const JsonValue& value, const std::string& path, JwsAlgorithm algorithm) {
    JsonReader in(value, path, kForm);
    const std::string kid = in.text("kid", kMaxKid);
    if (!is_kid(kid)) {
        in.refuse("kid", "must have from 1 to 256 printable ASCII characters");
    }
    const bool is_rsa = algorithm == JwsAlgorithm::rs256 || algorithm == JwsAlgorithm::ps256;
    JsonWriter jwk;
    jwk.text("alg", crypto::jws_algorithm_name(algorithm));
    auto key = is_rsa ? rsa_key(algorithm, in, jwk) : curve_key(algorithm, in, jwk);
    CHECK_OK(in.finish_open());
    if (!key.ok()) {
        return under_rule(Error::at(path, "is not a key: " + key.error().message), kForm);
    }
    jwk.text("use", "sig");
    if (!is_rsa) {
        jwk.text("x", in.text("x", kMaxNumber));
    }
    if (algorithm == JwsAlgorithm::es256) {
        jwk.text("y", in.text("y", kMaxNumber));
    }
    return OidcKey{kid, std::move(*key), jwk.done()};
}

Status no_secret(const JsonValue& key, const std::string& path) {
    for (const std::string_view name : kSecret) {
        if (key.get_object().contains(name)) {
            return under_rule(Error::at(member_path(path, name),
                                        "is a member of a secret key, which nobody publishes"),
                              kForm);
        }
    }
    return Status::done();
}

/// One key of the set, or nothing where it is skipped. `kids` are those seen before.
Result<std::optional<OidcKey>> take_key(const JsonValue& value, const std::string& path,
                                        std::set<std::string, std::less<>>& kids) {
    if (!value.is_object()) {
        return under_rule(Error::at(path, "must be an object"), kForm);
    }
    CHECK_OK(no_secret(value, path));
    const std::string_view kid = text_or(value, "kid", "");
    if (!kid.empty() && !kids.emplace(kid).second) {
        return under_rule(Error::at(path + ".kid", "stands there twice"), kForm);
    }
    const auto algorithm = algorithm_of(value);
    if (!algorithm || !is_for_signatures(value)) {
        return std::optional<OidcKey>();
    }
    TRY(OidcKey key, read_key(value, path, *algorithm));
    return std::optional(std::move(key));
}

Result<std::vector<OidcKey>> keys_of(const JsonValue& set, const std::string& path) {
    JsonReader in(set, path, kForm);
    const JsonValue* list = in.optional_any("keys");
    if (list == nullptr || !list->is_array() || list->get_array().size() > kMaxOidcKeys) {
        in.refuse("keys", "must be an array of at most 32 keys");
    }
    CHECK_OK(in.finish_open());
    std::vector<OidcKey> keys;
    std::set<std::string, std::less<>> kids;
    const std::string parent = member_path(path, "keys");
    std::size_t index = 0;
    for (const JsonValue& element : list->get_array()) {
        TRY(auto key, take_key(element, parent + "[" + std::to_string(index++) + "]", kids));
        if (key) {
            keys.push_back(std::move(*key));
        }
    }
    if (keys.empty()) {
        return under_rule(Error::at(parent, "has no key that can verify an ID token"), kForm);
    }
    return keys;
}

}  // namespace

Result<std::vector<OidcKey>> parse_oidc_jwks(std::string_view text) {
    if (text.size() > kMaxOidcJwksBytes) {
        return under_rule(Error(ErrorCode::too_large, "a key set may have at most 65536 bytes"),
                          kForm);
    }
    const auto document = parse_json(text, JsonRules::javascript);
    if (!document.ok()) {
        return under_rule(document.error(), kForm);
    }
    return keys_of(*document, "");
}

std::vector<OidcKey> read_oidc_jwks(JsonReader& in, std::string_view name) {
    const JsonValue* set = in.object(name);
    if (set == nullptr) {
        return {};
    }
    auto keys = keys_of(*set, member_path(in.path(), name));
    if (!keys.ok()) {
        in.refuse(keys.error());
        return {};
    }
    return std::move(*keys);
}

std::string oidc_jwks_text(std::span<const OidcKey> keys) {
    return JsonWriter()
        .raw("keys", json_array_of(keys, [](const OidcKey& key) { return key.jwk; }))
        .done();
}

}  // namespace clawsigner::claw
