#include "claw/leaf.h"

#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "claw/key_record.h"

#include <array>
#include <utility>

namespace clawsigner::claw {
namespace {

constexpr std::size_t kHash = 43;
constexpr std::size_t kMaxName = 256;
constexpr std::size_t kMaxText = 4096;
constexpr std::int64_t kMaxUid = UINT32_MAX;
constexpr std::int64_t kMaxCount = 1'000'000'000'000;

// RFC 8785 sorts members by name: the calls below stand in that order.

void write_caller(JsonWriter& out, const std::optional<LeafCaller>& caller) {
    if (caller) {
        out.raw("caller",
                JsonWriter().text("role", caller->role).integer("uid", caller->uid).done());
    }
}

void close(JsonWriter& out, UnixMillis time, std::string_view type) {
    out.time("time", time).text("type", type).integer("v", 1);
}

/// Row names are plain ASCII, whose order is also RFC 8785's.
std::string rows_text(const std::map<std::string, std::optional<std::string>>& rows) {
    std::string text = "{";
    for (const auto& [name, value] : rows) {
        text.append(text.size() > 1 ? "," : "");
        append_json_string(text, name);
        text.append(":");
        if (value) {
            append_json_string(text, *value);
        } else {
            text.append("null");
        }
    }
    return text.append("}");
}

std::string grounds_text(const UserGrounds& grounds) {
    const auto quoted = [](const std::string& group) {
        std::string text;
        append_json_string(text, group);
        return text;
    };
    return JsonWriter()
        .raw("groups", json_array_of(grounds.groups, quoted))
        .text("id_token_sha256", grounds.id_token_sha256)
        .text("issuer", grounds.issuer)
        .text("mapping_sha256", grounds.mapping_sha256)
        .text("subject_sha256", grounds.subject_sha256)
        .done();
}

struct Print {
    UnixMillis time;

    std::string operator()(const ArtefactLeaf& leaf) const {
        JsonWriter out;
        if (leaf.after_expiry) {
            out.boolean("after_expiry", true);
        }
        out.text("answer_sha256", leaf.answer_sha256).text("artefact", leaf.artefact);
        write_caller(out, leaf.caller);
        out.optional_text("cst_sha256", leaf.cst_sha256)
            .optional_text("decision_sha256", leaf.decision_sha256)
            .text("family", crypto::family_name(leaf.family));
        if (leaf.grounds) {
            out.raw("grounds", grounds_text(*leaf.grounds));
        }
        out.text("id", leaf.id)
            .text("kid", leaf.kid)
            .optional_text("nonce_sha256", leaf.nonce_sha256)
            .optional_text("parent_sha256", leaf.parent_sha256)
            .optional_text("policy_hash", leaf.policy_hash)
            .optional_text("request_sha256", leaf.request_sha256)
            .text("rule", leaf.rule)
            .optional_text("run_id", leaf.run_id)
            .text("signed_sha256", leaf.signed_sha256);
        close(out, time, "artefact");
        return out.done();
    }
    std::string operator()(const KeyLeaf& leaf) const {
        JsonWriter out;
        write_caller(out, leaf.caller);
        out.text("event", leaf.event)
            .optional_text("family", leaf.family)
            .text("id", leaf.id)
            .optional_text("kid", leaf.kid);
        close(out, time, "key");
        return out.done();
    }
    std::string operator()(const RefusalLeaf& leaf) const {
        JsonWriter out;
        write_caller(out, leaf.caller);
        out.text("code", leaf.code)
            .integer("count", leaf.count)
            .text("operation", leaf.operation)
            .optional_text("request_sha256", leaf.request_sha256)
            .optional_text("rule", leaf.rule);
        close(out, time, "refusal");
        return out.done();
    }
    std::string operator()(const StartLeaf& leaf) const {
        JsonWriter out;
        close(out, time, "start");
        out.text("version", leaf.version);
        return out.done();
    }
    std::string operator()(const StopLeaf&) const {
        JsonWriter out;
        close(out, time, "stop");
        return out.done();
    }
    std::string operator()(const SettingLeaf& leaf) const {
        JsonWriter out;
        out.text("name", leaf.name);
        close(out, time, "setting");
        out.text("value", leaf.value);
        return out.done();
    }
    std::string operator()(const ActLeaf& leaf) const {
        JsonWriter out;
        out.text("act", leaf.act);
        write_caller(out, leaf.caller);
        out.optional_text("request", leaf.request).raw("set", rows_text(leaf.set));
        out.text("subject", leaf.subject);
        close(out, time, "act");
        return out.optional_text("why", leaf.why).done();
    }
    std::string operator()(const ManifestLeaf& leaf) const {
        JsonWriter out;
        out.time("as_of", leaf.as_of).text("sha256", leaf.sha256);
        close(out, time, "manifest");
        return out.done();
    }
    std::string operator()(const StateLeaf& leaf) const {
        JsonWriter out;
        out.text("setting_sha256", leaf.setting_sha256).text("spent_sha256", leaf.spent_sha256);
        close(out, time, "state");
        return out.done();
    }
};

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

std::string leaf_text(const Leaf& leaf) {
    return std::visit(Print{leaf.time}, leaf.content);
}

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

crypto::Sha256 nonce_key(std::string_view gateway, const std::optional<std::string>& run_id,
                         std::string_view nonce) {
    std::string text = "[";
    append_json_string(text, gateway);
    text.append(",");
    if (run_id) {
        append_json_string(text, *run_id);
    } else {
        text.append("null");
    }
    text.append(",");
    append_json_string(text, nonce);
    text.append("]");
    return crypto::sha256(text);
}

}  // namespace clawsigner::claw
