#include "claw/json_reader.h"
#include "claw/key_record.h"
#include "claw/leaf.h"

#include <array>
#include <utility>

namespace clawsigner::claw {
namespace {

constexpr std::size_t kHash = 43;
constexpr std::size_t kMaxName = 256;
constexpr std::size_t kMaxText = 4096;
constexpr std::int64_t kMaxUid = UINT32_MAX;
constexpr std::int64_t kMaxCount = 1'000'000'000'000;

std::optional<LeafCaller> read_caller(JsonReader& in) {
    const JsonValue* value = in.optional_object("caller");
    if (value == nullptr) {
        return std::nullopt;
    }
    JsonReader inner(*value, "caller");
    LeafCaller caller;
    caller.role = inner.text("role", kMaxName);
    caller.uid = static_cast<std::uint32_t>(inner.integer("uid", 0, kMaxUid));
    if (const Status read = inner.finish(); !read.ok()) {
        in.refuse(read.error());
    }
    return caller;
}

std::optional<UserGrounds> read_grounds(JsonReader& in) {
    const JsonValue* value = in.optional_object("grounds");
    if (value == nullptr) {
        return std::nullopt;
    }
    JsonReader inner(*value, "grounds");
    UserGrounds grounds;
    grounds.groups = inner.texts("groups", 1, kMaxGroundsBytes, kMaxGroundsBytes);
    grounds.id_token_sha256 = inner.b64u("id_token_sha256", kHash, kHash);
    grounds.issuer = inner.text("issuer", kMaxText);
    grounds.mapping_sha256 = inner.b64u("mapping_sha256", kHash, kHash);
    grounds.subject_sha256 = inner.b64u("subject_sha256", kHash, kHash);
    if (const Status read = inner.finish(); !read.ok()) {
        in.refuse(read.error());
    }
    return grounds;
}

LeafContent read_artefact(JsonReader& in) {
    ArtefactLeaf leaf;
    leaf.family = read_family(in);
    leaf.artefact = in.text("artefact", kMaxName);
    leaf.id = in.text("id", kMaxText);
    leaf.kid = in.text("kid", kMaxName);
    leaf.signed_sha256 = in.b64u("signed_sha256", kHash, kHash);
    leaf.answer_sha256 = in.b64u("answer_sha256", kHash, kHash);
    leaf.rule = in.text("rule", kMaxName);
    leaf.caller = read_caller(in);
    leaf.policy_hash = in.optional_text("policy_hash", kMaxText);
    leaf.run_id = in.optional_text("run_id", kMaxText);
    leaf.nonce_sha256 = in.optional_b64u("nonce_sha256", kHash, kHash);
    leaf.request_sha256 = in.optional_b64u("request_sha256", kHash, kHash);
    leaf.grounds = read_grounds(in);
    leaf.parent_sha256 = in.optional_b64u("parent_sha256", kHash, kHash);
    leaf.cst_sha256 = in.optional_b64u("cst_sha256", kHash, kHash);
    leaf.decision_sha256 = in.optional_b64u("decision_sha256", kHash, kHash);
    leaf.after_expiry = in.has("after_expiry") && in.boolean("after_expiry");
    return leaf;
}

LeafContent read_key(JsonReader& in) {
    KeyLeaf leaf;
    leaf.event = in.text("event", kMaxName);
    leaf.id = in.text("id", kMaxLeafBytes);
    leaf.family = in.optional_text("family", kMaxName);
    leaf.kid = in.optional_text("kid", kMaxName);
    leaf.caller = read_caller(in);
    return leaf;
}

LeafContent read_refusal(JsonReader& in) {
    RefusalLeaf leaf;
    leaf.operation = in.text("operation", kMaxName);
    leaf.code = in.text("code", kMaxName);
    leaf.rule = in.optional_text("rule", kMaxName);
    leaf.request_sha256 = in.optional_b64u("request_sha256", kHash, kHash);
    leaf.caller = read_caller(in);
    leaf.count = in.integer("count", 1, kMaxCount);
    return leaf;
}

LeafContent read_start(JsonReader& in) {
    return StartLeaf{in.text("version", kMaxName)};
}

LeafContent read_stop(JsonReader&) {
    return StopLeaf{};
}

LeafContent read_setting(JsonReader& in) {
    SettingLeaf leaf;
    leaf.name = in.text("name", kMaxName);
    if (leaf.name.find('/') != std::string::npos) {
        in.refuse("name", "must have no '/'");
    }
    leaf.value = in.text("value", kMaxText);
    return leaf;
}

bool is_row_name(std::string_view name) {
    constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyz0123456789_-./";
    return !name.empty() && name.size() <= kMaxName && name.find('/') != std::string_view::npos &&
           name.find_first_not_of(kPlain) == std::string_view::npos;
}

std::map<std::string, std::optional<std::string>> read_rows(JsonReader& in) {
    std::map<std::string, std::optional<std::string>> rows;
    const JsonValue* set = in.object("set");
    if (set == nullptr) {
        return rows;
    }
    for (const auto& member : set->get_object()) {
        const JsonValue& value = member.value();
        if (!is_row_name(member.key()) || !(value.is_string() || value.is_null())) {
            in.refuse("set", "must hold rows of the state");
            return {};
        }
        rows.emplace(member.key(), value.is_null()
                                       ? std::nullopt
                                       : std::optional<std::string>(value.get_string()));
    }
    return rows;
}

LeafContent read_act(JsonReader& in) {
    ActLeaf leaf;
    leaf.act = in.text("act", kMaxName);
    leaf.subject = in.text("subject", kMaxName);
    leaf.caller = read_caller(in);
    leaf.why = in.optional_text("why", kMaxText);
    leaf.request = in.optional_text("request", kMaxName);
    leaf.set = read_rows(in);
    return leaf;
}

LeafContent read_manifest(JsonReader& in) {
    ManifestLeaf leaf;
    leaf.as_of = in.time("as_of");
    leaf.sha256 = in.b64u("sha256", kHash, kHash);
    return leaf;
}

LeafContent read_state(JsonReader& in) {
    StateLeaf leaf;
    leaf.setting_sha256 = in.b64u("setting_sha256", kHash, kHash);
    leaf.spent_sha256 = in.b64u("spent_sha256", kHash, kHash);
    return leaf;
}

using Read = LeafContent (*)(JsonReader&);
constexpr std::array<std::pair<std::string_view, Read>, 9> kKinds{{
    {"artefact", read_artefact},
    {"key", read_key},
    {"refusal", read_refusal},
    {"start", read_start},
    {"stop", read_stop},
    {"setting", read_setting},
    {"state", read_state},
    {"act", read_act},
    {"manifest", read_manifest},
}};

Result<Leaf> read_leaf(const JsonValue& document) {
    JsonReader in(document, "");
    const std::string type = in.text("type", kMaxName);
    (void)in.integer("v", 1, 1);
    Leaf leaf;
    leaf.time = in.time("time");
    for (const auto& [name, read] : kKinds) {
        if (name == type) {
            leaf.content = read(in);
            CHECK_OK(in.finish());
            return leaf;
        }
    }
    return Error::at("type", "is no kind of leaf that this version knows");
}

}  // namespace

Result<Leaf> parse_leaf(std::string_view text) {
    if (text.size() > kMaxLeafBytes) {
        return Error(ErrorCode::too_large, "a leaf has at most 65535 bytes");
    }
    TRY(const JsonValue document, parse_json(text, JsonRules::javascript));
    TRY(Leaf leaf, read_leaf(document));
    if (leaf_text(leaf) != text) {
        return Error(ErrorCode::malformed_json, "the leaf is not canonical JSON");
    }
    return leaf;
}

}  // namespace clawsigner::claw
