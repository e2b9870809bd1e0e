#include "claw/work_policy_terms.h"

#include "claw/javascript_text.h"

#include <algorithm>
#include <array>

namespace clawsigner::claw {
namespace {

constexpr std::size_t kMaxProviders = 16;
constexpr std::size_t kMaxItems = 256;
constexpr std::size_t kMaxItem = 256;
constexpr std::size_t kMaxAuditPacks = 64;
constexpr std::size_t kMaxPolicyId = 128;
constexpr std::size_t kMaxPath = 512;
constexpr std::size_t kMaxRuntime = 16;
constexpr std::size_t kMaxName = 128;
constexpr std::size_t kAnyBytes = kMaxWorkPolicyBytes;  // counted in characters below

constexpr std::array<std::string_view, 4> kTiers{"closed_opaque", "closed_provider_manifest",
                                                 "openweights_hashable", "tee_measured"};
constexpr std::array<std::string_view, 3> kProviders{"openai", "anthropic", "google"};
constexpr std::array<std::string_view, 3> kActions{"remove", "hash", "mask"};

std::string item(std::string_view name, std::size_t index) {
    return std::string(name) + "[" + std::to_string(index) + "]";
}

/// As the registry counts: UTF-16 code units of what trim leaves.
bool has_chars(std::string_view text, std::size_t min, std::size_t max) {
    const std::size_t chars = utf16_length(trim(text));
    return chars >= min && chars <= max;
}

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& choices, std::string_view text) {
    return std::ranges::find(choices, text) != choices.end();
}

bool is_b64u_char(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/// The registry looks at the alphabet only.
bool is_audit_pack(std::string_view text) {
    constexpr std::size_t kMin = 8;
    constexpr std::size_t kMax = 128;
    const std::string_view hash = trim(text);
    return hash.size() >= kMin && hash.size() <= kMax && std::ranges::all_of(hash, is_b64u_char);
}

std::string chars_text(JsonReader& in, std::string_view name, std::size_t max) {
    std::string text = in.text(name, kAnyBytes);
    if (!has_chars(text, 1, max)) {
        in.refuse(name, "must have from 1 to " + std::to_string(max) + " characters");
    }
    return text;
}

/// A list whose every item `is_good`; nothing when it is absent.
template <class Check>
std::optional<std::vector<std::string>> optional_list(JsonReader& in, std::string_view name,
                                                      std::size_t max_items, Check is_good,
                                                      std::string_view otherwise) {
    if (!in.has(name)) {
        return std::nullopt;
    }
    std::vector<std::string> texts = in.texts(name, 0, max_items, kAnyBytes);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (!is_good(texts[i])) {
            in.refuse(item(name, i), otherwise);
        }
    }
    return texts;
}

std::optional<std::vector<std::string>> optional_texts(JsonReader& in, std::string_view name) {
    return optional_list(
        in, name, kMaxItems, [](std::string_view text) { return has_chars(text, 1, kMaxItem); },
        "must have from 1 to 256 characters");
}

RedactionRule read_redaction_rule(JsonReader& parent, const JsonValue& value,
                                  const std::string& path) {
    JsonReader in(value, path, kWorkPolicyForm);
    RedactionRule rule;
    rule.path = chars_text(in, "path", kMaxPath);
    rule.action = in.text("action", kMaxItem);
    if (!is_one_of(kActions, rule.action)) {
        in.refuse("action", "must be one of: remove hash mask");
    }
    if (const Status read = in.finish(); !read.ok()) {
        parent.refuse(read.error());
    }
    return rule;
}

std::vector<RedactionRule> read_redaction_rules(JsonReader& in) {
    std::vector<RedactionRule> rules;
    const JsonValue* value = in.optional_any("redaction_rules");
    if (value == nullptr) {
        return rules;
    }
    if (!value->is_array() || value->get_array().size() > kMaxItems) {
        in.refuse("redaction_rules", "must be an array of at most 256 rules");
        return rules;
    }
    for (const JsonValue& element : value->get_array()) {
        rules.push_back(read_redaction_rule(
            in, element, member_path(in.path(), item("redaction_rules", rules.size()))));
    }
    return rules;
}

void read_tool_allowlist(JsonReader& in, WorkPolicyTerms& terms) {
    terms.tool_allowlist =
        optional_list(in, "tool_allowlist", kMaxItems, [](std::string_view) { return true; }, "");
    for (std::size_t i = 0; terms.tool_allowlist && i < terms.tool_allowlist->size(); ++i) {
        const std::string& tool = (*terms.tool_allowlist)[i];
        if (tool.find('*') != std::string::npos) {
            in.under("wpc.wildcard");
            in.refuse(item("tool_allowlist", i), "holds a '*', which no tool's name may");
            in.under(kWorkPolicyForm);
        }
        if (!is_plain_name(tool)) {
            in.refuse(item("tool_allowlist", i), kPlainNameRule);
        }
    }
}

void read_change_window(JsonReader& in, WorkPolicyTerms& terms) {
    in.under("wpc.window_form");
    if (const auto text = in.optional_text("change_window_utc", kMaxPath); text && !in.failed()) {
        auto window = ChangeWindow::parse(*text);
        if (window.ok()) {
            terms.change_window = std::move(*window);
        } else {
            in.refuse("change_window_utc", window.error().message);
        }
    }
    in.under(kWorkPolicyForm);
}

/// What a runtime must be: names and values, {"sandbox_mode":"all"}. That it is there is what
/// counts.
void read_runtime(JsonReader& in, WorkPolicyTerms& terms) {
    const JsonValue* runtime = in.optional_object("runtime");
    if (runtime == nullptr) {
        return;
    }
    terms.demands_runtime = true;
    if (runtime->get_object().size() > kMaxRuntime) {
        in.refuse("runtime", "may have at most 16 members");
    }
    JsonReader posture(*runtime, member_path(in.path(), "runtime"), kWorkPolicyForm);
    for (const auto& member : runtime->get_object()) {
        posture.text(member.key(), kMaxItem);
    }
    if (const Status read = posture.finish(); !read.ok()) {
        in.refuse(read.error());
    }
}

/// Free but for what is ours in it. A version that is no text says nothing about a pin.
void read_metadata(JsonReader& parent, WorkPolicyTerms& terms) {
    const JsonValue* metadata = parent.optional_object("metadata");
    if (metadata == nullptr) {
        return;
    }
    JsonReader in(*metadata, member_path(parent.path(), "metadata"), kWorkPolicyForm);
    read_tool_allowlist(in, terms);
    read_change_window(in, terms);
    read_runtime(in, terms);
    if (in.has("write_requires_approval")) {
        terms.write_requires_approval = in.boolean("write_requires_approval");
    }
    const JsonValue* version = in.optional_any("version");
    if (version != nullptr && version->is_string() && !is_blank(version->get_string())) {
        terms.version = std::string(version->get_string());
    }
    if (const Status read = in.finish_open(); !read.ok()) {
        parent.refuse(read.error());
    }
}

void read_enforced(JsonReader& in, WorkPolicyTerms& terms) {
    terms.allowed_providers = optional_list(
        in, "allowed_providers", kMaxProviders,
        [](std::string_view name) { return is_one_of(kProviders, name); },
        "must be one of: openai anthropic google");
    terms.allowed_models = optional_texts(in, "allowed_models");
    terms.egress_allowlist = optional_texts(in, "egress_allowlist");
    if (const auto tier = in.optional_one_of("minimum_model_identity_tier",
                                             {"closed_opaque", "closed_provider_manifest",
                                              "openweights_hashable", "tee_measured"})) {
        terms.minimum_model_identity_tier = tier_from_name(*tier);
    }
    if (const auto mode = in.optional_one_of("receipt_privacy_mode", {"hash_only", "encrypted"})) {
        terms.receipt_privacy_mode =
            *mode == "encrypted" ? ReceiptPrivacyMode::encrypted : ReceiptPrivacyMode::hash_only;
    }
    terms.redaction_rules = read_redaction_rules(in);
    terms.required_audit_packs =
        optional_list(in, "required_audit_packs", kMaxAuditPacks, is_audit_pack,
                      "must be 8 to 128 characters of base64url")
            .value_or(std::vector<std::string>());
}

}  // namespace

bool is_plain_name(std::string_view name) noexcept {
    const auto is_plain = [](char c) {
        return c > ' ' && c <= '~' && c != ',' && c != '*' && c != '"' && c != '\\';
    };
    return !name.empty() && name.size() <= kMaxName && std::ranges::all_of(name, is_plain);
}

std::string_view tier_name(ModelIdentityTier tier) noexcept {
    return kTiers[static_cast<std::size_t>(tier)];
}

std::optional<ModelIdentityTier> tier_from_name(std::string_view name) noexcept {
    const auto* found = std::ranges::find(kTiers, name);
    if (found == kTiers.end()) {
        return std::nullopt;
    }
    return static_cast<ModelIdentityTier>(found - kTiers.begin());
}

WorkPolicyTerms read_work_policy_terms(JsonReader& in) {
    WorkPolicyTerms terms;
    in.constant("policy_version", "1");
    terms.policy_id = chars_text(in, "policy_id", kMaxPolicyId);
    terms.issuer_did = chars_text(in, "issuer_did", kMaxWorkPolicyDid);
    if (!terms.issuer_did.starts_with("did:")) {
        in.refuse("issuer_did", "must be a DID");
    }
    read_enforced(in, terms);
    read_metadata(in, terms);
    return terms;
}

}  // namespace clawsigner::claw
