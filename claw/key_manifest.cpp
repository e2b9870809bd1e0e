#include "claw/key_manifest.h"

#include "claw/checkpoint.h"
#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "crypto/digest.h"
#include "crypto/key_forms.h"

#include <algorithm>

namespace clawsigner::claw {
namespace {

constexpr std::string_view kType = "clawsigner-key-manifest";
constexpr std::string_view kAssurance = "host-asserted";
constexpr std::string_view kNoCustody = "none";
constexpr std::size_t kMaxText = 128;
constexpr std::int64_t kMaxLeaf = (1LL << 53) - 1;

// RFC 8785 sorts members by name: the calls below stand in that order.

std::string key_text(const ManifestKey& key) {
    const crypto::KeyIdentity names = crypto::identity_of(key.public_key);
    JsonWriter out;
    out.optional_time("activate_at", key.activate_at);
    out.optional_time("active_since", key.active_since);
    out.optional_time("active_until", key.active_until);
    out.text("algorithm", crypto::algorithm_name(key.public_key.algorithm()))
        .text("assurance", kAssurance);
    if (key.compromised_leaf) {
        out.integer("compromised_leaf", static_cast<std::int64_t>(*key.compromised_leaf));
    }
    out.optional_time("compromised_since", key.compromised_since);
    out.time("created", key.created)
        .text("custody", key.custody)
        .text("did", names.did)
        .text("jkt", crypto::jwk_thumbprint(key.public_key))
        .text("kid", names.kid);
    out.optional_time("not_after", key.not_after);
    return out.optional_text("proof", key.proof)
        .text("state", key_state_name(key.state))
        .integer("version", key.version)
        .done();
}

std::string family_text(const ManifestFamily& family) {
    return JsonWriter()
        .text("family", crypto::family_name(family.family))
        .boolean("frozen", family.frozen)
        .raw("keys", json_array_of(family.keys, key_text))
        .done();
}

KeyState read_state(JsonReader& in) {
    const auto state = key_state_from_name(in.text("state", kMaxText));
    if (!state) {
        in.refuse("state", "is none of a key's");
    }
    return state.value_or(KeyState::retired);
}

Result<ManifestKey> parse_key(const JsonValue& value, const std::string& path) {
    JsonReader in(value, path);
    auto public_key = crypto::public_key_from_did(in.text("did", kMaxText));
    if (!public_key.ok()) {
        in.refuse("did", public_key.error().message);
        return in.finish().error();
    }
    ManifestKey key{static_cast<std::uint32_t>(in.integer("version", 1, crypto::kMaxKeyVersion)),
                    read_state(in),
                    std::move(*public_key),
                    in.text("custody", kMaxText),
                    in.time("created"),
                    in.optional_time("activate_at"),
                    in.optional_time("active_since"),
                    in.optional_time("active_until"),
                    in.optional_time("not_after"),
                    in.optional_time("compromised_since"),
                    {},
                    in.optional_text("proof", kMaxText)};
    if (in.has("compromised_leaf")) {
        key.compromised_leaf =
            static_cast<std::uint64_t>(in.integer("compromised_leaf", 0, kMaxLeaf));
    }
    // What follows from the key; that it is right shows when the whole is printed again.
    for (const std::string_view name : {"algorithm", "jkt", "kid"}) {
        in.text(name, kMaxText);
    }
    in.constant("assurance", kAssurance);
    CHECK_OK(in.finish());
    return key;
}

/// Versions ascend, one at most is active and one at most is pending.
bool is_history(const std::vector<ManifestKey>& keys) {
    const auto ascends = [](const ManifestKey& a, const ManifestKey& b) {
        return a.version >= b.version;
    };
    return std::ranges::adjacent_find(keys, ascends) == keys.end() &&
           std::ranges::count(keys, KeyState::active, &ManifestKey::state) <= 1 &&
           std::ranges::count(keys, KeyState::pending, &ManifestKey::state) <= 1;
}

/// The elements of an array, or null with a fault noted.
const boost::json::array* read_array(JsonReader& in, std::string_view name) {
    const JsonValue* value = in.optional_any(name);
    if (value == nullptr || !value->is_array()) {
        in.refuse(name, "must be an array");
        return nullptr;
    }
    return &value->get_array();
}

Result<ManifestFamily> parse_family(const JsonValue& value, const std::string& path) {
    JsonReader in(value, path);
    ManifestFamily family;
    if (const auto named = crypto::family_from_name(in.text("family", kMaxText))) {
        family.family = *named;
    } else {
        in.refuse("family", "is none of ours");
    }
    family.frozen = in.boolean("frozen");
    const auto* keys = read_array(in, "keys");
    CHECK_OK(in.finish());
    for (const JsonValue& element : *keys) {
        TRY(ManifestKey key,
            parse_key(element, path + ".keys[" + std::to_string(family.keys.size()) + "]"));
        family.keys.push_back(std::move(key));
    }
    if (!is_history(family.keys)) {
        return Error::at(path + ".keys",
                         "must be versions in ascending order, at most one of them "
                         "active and at most one pending");
    }
    return family;
}

Result<KeyManifest> parse_document(const JsonValue& document) {
    JsonReader in(document, "");
    KeyManifest manifest;
    in.integer("v", 1, 1);
    in.constant("type", kType);
    manifest.origin = in.text("origin", kMaxOriginBytes);
    manifest.time = in.time("time");
    const auto* families = read_array(in, "families");
    CHECK_OK(in.finish());
    for (const JsonValue& element : *families) {
        TRY(ManifestFamily family,
            parse_family(element, "families[" + std::to_string(manifest.families.size()) + "]"));
        manifest.families.push_back(std::move(family));
    }
    const auto out_of_order = [](const ManifestFamily& a, const ManifestFamily& b) {
        return a.family >= b.family;
    };
    if (std::ranges::adjacent_find(manifest.families, out_of_order) != manifest.families.end()) {
        return Error::at("families", "must stand in their order, each once");
    }
    return manifest;
}

}  // namespace

ManifestFamily manifest_family(const FamilyKeys& family, std::string_view custody) {
    ManifestFamily out{family.family, family.frozen, {}};
    for (const KeyRecord& key : family.versions) {
        const bool held = key.id && key.state != KeyState::destroyed;
        out.keys.push_back({key.version, key.state, key.public_key,
                            std::string(held ? custody : kNoCustody), key.created, key.activate_at,
                            key.active_since, key.active_until, key.not_after,
                            key.compromised_since, key.compromised_leaf, key.proof});
    }
    return out;
}

std::string key_manifest_text(const KeyManifest& manifest) {
    return JsonWriter()
        .raw("families", json_array_of(manifest.families, family_text))
        .text("origin", manifest.origin)
        .time("time", manifest.time)
        .text("type", kType)
        .integer("v", 1)
        .done();
}

Result<KeyManifest> parse_key_manifest(std::string_view text) {
    if (text.size() > kMaxManifestBytes) {
        return Error(ErrorCode::too_large, "is too long for a manifest of keys");
    }
    TRY(const JsonValue document, parse_json(text, JsonRules::javascript));
    TRY(KeyManifest manifest, parse_document(document));
    if (key_manifest_text(manifest) != text) {
        return Error(ErrorCode::malformed_json, "the manifest of keys is not in its one form");
    }
    return manifest;
}

std::string key_manifest_digest(std::string_view text) {
    return crypto::sha256_b64u(text);
}

}  // namespace clawsigner::claw
