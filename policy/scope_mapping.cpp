#include "policy/scope_mapping.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "claw/javascript_text.h"
#include "claw/json_reader.h"
#include "claw/unicode.h"
#include "claw/work_policy.h"
#include "crypto/digest.h"
#include "policy/patterns.h"

#include <algorithm>

namespace clawsigner::policy {
namespace {

constexpr std::string_view kForm = "mapping.form";
constexpr std::string_view kWildcard = "mapping.wildcard";
constexpr std::size_t kMaxText = 256;
constexpr std::size_t kHashChars = 43;

using claw::JsonReader;
using claw::JsonValue;
using Check = bool (*)(std::string_view);

constexpr std::string_view kTextRule =
    "must be of 1 to 256 bytes, without control characters and without space at its ends";
constexpr std::string_view kHostRule = "must be a host name, or \"*.\" and one";

std::string item(std::string_view name, std::size_t index) {
    return std::string(name) + "[" + std::to_string(index) + "]";
}

bool is_text(std::string_view text) {
    return !text.empty() && text.size() <= kMaxText && claw::is_printable_utf8(text) &&
           claw::trim(text) == text;
}

/// Nobody who splits lists at white space or commas finds two names in it.
bool is_audience(std::string_view text) {
    return !text.empty() && text.size() <= kMaxText &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != ','; });
}

bool is_hash(std::string_view text) {
    return text.size() == kHashChars && base::base64url_decode(text).ok();
}

bool is_digits(std::string_view text) {
    return !text.empty() && text.size() <= kMaxText &&
           std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_did(std::string_view text) {
    return text.size() <= kMaxText && claw::is_did(text);
}

/// A name that leaves room for its kind in a scope.
bool is_name(std::string_view text) {
    constexpr std::size_t kPrefix = 6;  // "model:"
    return text.size() + kPrefix <= claw::kMaxScopeChars && claw::is_plain_name(text);
}

bool is_host_entry(std::string_view text) {
    constexpr std::size_t kPrefix = 7;  // "egress:"
    return text.size() + kPrefix <= claw::kMaxScopeChars && is_host_pattern(text);
}

bool is_other_scope(std::string_view text) {
    return claw::is_plain_name(text) && !scope_kind(text);
}

/// Holds a '*', apart from the one that a host pattern may begin with.
bool has_wildcard(std::string_view text, bool is_host) {
    if (is_host && text.starts_with("*.")) {
        text.remove_prefix(1);
    }
    return text.find('*') != std::string_view::npos;
}

/// The items of a list that is there, each of them good, none of them twice.
std::set<std::string> read_set(JsonReader& in, std::string_view name, Check is_good,
                               std::string_view otherwise) {
    std::set<std::string> items;
    std::vector<std::string> texts = in.texts(name, 0, kMaxMappingItems, kMaxMappingBytes);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (has_wildcard(texts[i], is_good == is_host_entry)) {
            in.under(kWildcard);
            in.refuse(item(name, i), "holds a '*'; only *.DOMAIN of egress_allowlist may");
            in.under(kForm);
        } else if (!is_good(texts[i])) {
            in.refuse(item(name, i), otherwise);
        } else if (!items.insert(std::move(texts[i])).second) {
            in.refuse(item(name, i), "stands there twice");
        }
    }
    return items;
}

std::optional<std::set<std::string>> optional_set(JsonReader& in, std::string_view name,
                                                  Check is_good, std::string_view otherwise) {
    if (!in.has(name)) {
        return std::nullopt;
    }
    return read_set(in, name, is_good, otherwise);
}

void close(JsonReader& parent, const JsonReader& in) {
    if (const Status read = in.finish(); !read.ok()) {
        parent.refuse(read.error());
    }
}

void read_cst_claims(JsonReader& parent, MappingEntry& entry) {
    const JsonValue* value = parent.object("cst_claims");
    if (value == nullptr) {
        return;
    }
    JsonReader in(*value, claw::member_path(parent.path(), "cst_claims"), kForm);
    constexpr std::string_view kNameRule =
        "must have from 1 to 122 printable ASCII characters without space, comma, quote and "
        "backslash";
    entry.allowed_tools = read_set(in, "allowed_tools", is_name, kNameRule);
    entry.allowed_models = read_set(in, "allowed_models", is_name, kNameRule);
    entry.egress_allowlist = read_set(in, "egress_allowlist", is_host_entry, kHostRule);
    in.under("mapping.ttl_form");
    entry.max_ttl = std::chrono::seconds(in.integer("max_ttl_seconds", 1, kMaxMappingTtl.count()));
    in.under(kForm);
    close(parent, in);
}

std::optional<PolicyPin> read_pin(JsonReader& parent) {
    constexpr std::string_view kPinForm = "mapping.pin_form";
    parent.under(kPinForm);
    const JsonValue* value = parent.optional_object("policy_pin");
    parent.under(kForm);
    if (value == nullptr) {
        return std::nullopt;
    }
    JsonReader in(*value, claw::member_path(parent.path(), "policy_pin"), kPinForm);
    PolicyPin pin;
    pin.policy_hash_b64u = in.b64u("policy_hash_b64u", kHashChars, kHashChars);
    pin.policy_version = in.text("policy_version", kMaxMappingBytes);
    close(parent, in);
    return pin;
}

struct ClaimForm {
    std::string_view name;
    Check is_good;
    std::string_view otherwise;
};

constexpr std::string_view kDidRule = "must be a DID of the form did:method:id";
constexpr std::string_view kHashRule = "must be a SHA-256 in base64url, 43 characters";

constexpr std::array kClaimForms{
    ClaimForm{"owner_ref", is_text, kTextRule},
    ClaimForm{"owner_did", is_did, kDidRule},
    ClaimForm{"controller_did", is_did, kDidRule},
    ClaimForm{"payment_account_did", is_did, kDidRule},
    ClaimForm{"mission_id", is_text, kTextRule},
    ClaimForm{"control_plane_policy_hash_b64u", is_hash, kHashRule},
    ClaimForm{"delegation_id", is_text, kTextRule},
    ClaimForm{"delegator_did", is_did, kDidRule},
    ClaimForm{"delegate_did", is_did, kDidRule},
    ClaimForm{"delegation_policy_hash_b64u", is_hash, kHashRule},
    ClaimForm{"delegation_spend_cap_minor", is_digits, "must be a string of decimal digits"},
};

/// Seconds, which are the only numbers among the claims that are listed.
std::set<std::string> read_seconds(JsonReader& in, std::string_view name) {
    std::set<std::string> items;
    const JsonValue* value = in.optional_any(name);
    if (value == nullptr || !value->is_array() || value->get_array().size() > kMaxMappingItems) {
        in.refuse(name, "must be an array of at most 256 Unix times");
        return items;
    }
    for (const JsonValue& element : value->get_array()) {
        const double* seconds = element.if_double();
        if (seconds == nullptr || *seconds < 1 ||
            *seconds > static_cast<double>(base::kLastSecond) ||
            *seconds != static_cast<double>(static_cast<std::int64_t>(*seconds))) {
            in.refuse(name, "must be an array of at most 256 Unix times");
            return items;
        }
        items.insert(std::to_string(static_cast<std::int64_t>(*seconds)));
    }
    return items;
}

void read_claims(JsonReader& parent, MappingEntry& entry) {
    const JsonValue* value = parent.optional_object("claims");
    if (value == nullptr) {
        return;
    }
    JsonReader in(*value, claw::member_path(parent.path(), "claims"), kForm);
    for (const ClaimForm& form : kClaimForms) {
        if (auto values = optional_set(in, form.name, form.is_good, form.otherwise)) {
            entry.claims.emplace(form.name, std::move(*values));
        }
    }
    if (in.has(kDelegationExpires)) {
        entry.claims.emplace(kDelegationExpires, read_seconds(in, kDelegationExpires));
    }
    close(parent, in);
}

MappingEntry read_entry(JsonReader& parent, const JsonValue& value, const std::string& path) {
    JsonReader in(value, path, kForm);
    MappingEntry entry;
    entry.okta_group = in.text("okta_group", kMaxMappingBytes);
    if (has_wildcard(entry.okta_group, false)) {
        in.under(kWildcard);
        in.refuse("okta_group", "holds a '*'; groups are compared as they are");
        in.under(kForm);
    }
    if (!is_text(entry.okta_group)) {
        in.refuse("okta_group", kTextRule);
    }
    read_cst_claims(in, entry);
    entry.policy_pin = read_pin(in);
    entry.subjects = optional_set(in, "subjects", is_text, kTextRule);
    entry.audiences = optional_set(in, "audiences", is_audience,
                                   "must have from 1 to 256 printable ASCII characters without "
                                   "space and comma");
    entry.scopes = optional_set(in, "scopes", is_other_scope,
                                "must be a scope of the ecosystem; tools, models and hosts belong "
                                "into cst_claims")
                       .value_or(std::set<std::string>());
    if (in.optional_one_of("lane", {"legacy", "canonical"}) == "canonical") {
        entry.lane = claw::TokenLane::canonical;
    }
    read_claims(in, entry);
    close(parent, in);
    return entry;
}

std::vector<MappingEntry> read_entries(JsonReader& in) {
    std::vector<MappingEntry> entries;
    const JsonValue* value = in.optional_any("scope_mappings");
    if (value == nullptr || !value->is_array() || value->get_array().size() > kMaxMappingEntries) {
        in.refuse("scope_mappings", "must be an array of at most 256 entries");
        return entries;
    }
    std::set<std::string> groups;
    for (const JsonValue& element : value->get_array()) {
        const std::string path = item("scope_mappings", entries.size());
        entries.push_back(read_entry(in, element, path));
        if (!groups.insert(entries.back().okta_group).second) {
            in.under("mapping.duplicate_group");
            in.refuse(path + ".okta_group", "has an entry already");
            in.under(kForm);
        }
    }
    return entries;
}

}  // namespace

std::string_view scope_prefix(ScopeKind kind) noexcept {
    switch (kind) {
        case ScopeKind::tool:
            return "tool:";
        case ScopeKind::model:
            return "model:";
        case ScopeKind::egress:
            return "egress:";
    }
    return "";
}

std::optional<ScopeKind> scope_kind(std::string_view scope) noexcept {
    for (const ScopeKind kind : kScopeKinds) {
        if (scope.starts_with(scope_prefix(kind))) {
            return kind;
        }
    }
    return std::nullopt;
}

Result<ScopeMapping> ScopeMapping::parse(std::string_view text) {
    if (text.size() > kMaxMappingBytes) {
        return claw::under_rule(
            Error(ErrorCode::too_large, "a mapping may have at most 65536 bytes"), kForm);
    }
    const auto document = claw::parse_json(text, claw::JsonRules::door);
    if (!document.ok()) {
        return claw::under_rule(document.error(), kForm);
    }
    JsonReader in(*document, "", kForm);
    std::vector<MappingEntry> entries = read_entries(in);
    CHECK_OK(in.finish());
    std::string canonical = claw::canonical_json_text(*document);
    std::string digest = crypto::sha256_b64u(canonical);
    return ScopeMapping(std::move(entries), std::move(canonical), std::move(digest));
}

}  // namespace clawsigner::policy
