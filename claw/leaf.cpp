#include "claw/leaf.h"

#include "claw/json_writer.h"

namespace clawsigner::claw {
namespace {

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

}  // namespace

std::string leaf_text(const Leaf& leaf) {
    return std::visit(Print{leaf.time}, leaf.content);
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
