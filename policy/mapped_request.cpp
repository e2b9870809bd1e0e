#include "policy/mapped_request.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "claw/javascript_text.h"
#include "claw/json_reader.h"
#include "claw/unicode.h"
#include "claw/work_policy.h"
#include "crypto/digest.h"
#include "policy/patterns.h"
#include "policy/scope_mapping.h"

#include <algorithm>
#include <array>
#include <limits>

namespace clawsigner::policy {
namespace {

using claw::JsonReader;
using claw::JsonValue;

constexpr std::string_view kForm = "request.form";
constexpr std::string_view kScope = "request.scope";
constexpr std::string_view kTtl = "request.ttl";
constexpr std::size_t kMaxText = 512;
constexpr std::size_t kMaxCallText = 256;
constexpr std::size_t kAnyBytes = 65'536;
constexpr std::size_t kHashChars = 43;

// The claims that only an entry of the mapping allows, all of them texts.
constexpr std::array<std::string_view, 11> kListedClaims{"owner_ref",
                                                         "owner_did",
                                                         "controller_did",
                                                         "payment_account_did",
                                                         "mission_id",
                                                         "control_plane_policy_hash_b64u",
                                                         "delegation_id",
                                                         "delegator_did",
                                                         "delegate_did",
                                                         "delegation_policy_hash_b64u",
                                                         "delegation_spend_cap_minor"};

std::string item(std::string_view name, std::size_t index) {
    return std::string(name) + "[" + std::to_string(index) + "]";
}

/// A text without control characters that begins and ends with something.
std::string read_plain(JsonReader& in, std::string_view name, std::size_t max_bytes) {
    std::string text = in.text(name, max_bytes);
    if (!in.failed() && (!claw::is_printable_utf8(text) || claw::trim(text) != text)) {
        in.refuse(name, "must have no control characters, and no space at its ends");
    }
    return text;
}

std::optional<std::string> optional_plain(JsonReader& in, std::string_view name,
                                          std::size_t max_bytes) {
    return in.has(name) ? std::optional(read_plain(in, name, max_bytes)) : std::nullopt;
}

std::vector<std::string> read_audiences(JsonReader& in, bool& is_array) {
    const JsonValue* value = in.optional_any("aud");
    is_array = value != nullptr && value->is_array();
    std::vector<std::string> audiences = is_array
                                             ? in.texts("aud", 1, claw::kMaxAudiences, kMaxText)
                                             : std::vector<std::string>{in.text("aud", kMaxText)};
    for (std::size_t i = 0; i < audiences.size(); ++i) {
        if (claw::is_blank(audiences[i]) || !claw::is_printable_utf8(audiences[i]) ||
            claw::trim(audiences[i]) != audiences[i]) {
            in.refuse(item("aud", i), "must be a name without control characters");
        }
    }
    return audiences;
}

/// One scope: a host pattern after egress:, a plain name otherwise.
bool is_scope(std::string_view scope) {
    constexpr std::string_view kEgress = "egress:";
    if (scope.size() > claw::kMaxScopeChars) {
        return false;
    }
    if (scope.starts_with(kEgress)) {
        return is_host_pattern(scope.substr(kEgress.size()));
    }
    const auto kind = scope_kind(scope);
    return claw::is_plain_name(kind ? scope.substr(scope_prefix(*kind).size()) : scope);
}

Error too_many(const JsonReader& in) {
    Error error = Error::at(claw::member_path(in.path(), "scope"), "may have at most 64 items");
    error.code = ErrorCode::scope_too_large;
    return error;
}

std::optional<std::set<std::string>> read_scope(JsonReader& in) {
    if (!in.has("scope")) {
        return std::nullopt;
    }
    in.under(kScope);
    const std::vector<std::string> scopes = in.texts("scope", 0, kAnyBytes, kAnyBytes);
    if (scopes.size() > claw::kMaxScopes) {
        in.refuse(too_many(in));
    }
    for (std::size_t i = 0; i < scopes.size(); ++i) {
        if (!is_scope(scopes[i])) {
            in.refuse(item("scope", i),
                      "must be a scope of 1 to 128 printable ASCII characters without space and "
                      "comma; '*' may only stand in egress:*.DOMAIN");
        }
    }
    in.under(kForm);
    return std::set<std::string>(scopes.begin(), scopes.end());
}

std::optional<std::chrono::seconds> read_ttl(JsonReader& in) {
    if (!in.has("ttl_sec")) {
        return std::nullopt;
    }
    in.under(kTtl);
    const std::int64_t ttl = in.integer("ttl_sec", 1, kMaxMappingTtl.count());
    in.under(kForm);
    return std::chrono::seconds(ttl);
}

std::optional<double> read_spend_cap(JsonReader& in) {
    return in.optional_number("spend_cap", 0, std::numeric_limits<double>::max());
}

std::map<std::string, std::string, std::less<>> read_listed(JsonReader& in) {
    std::map<std::string, std::string, std::less<>> claims;
    for (const std::string_view name : kListedClaims) {
        if (auto value = optional_plain(in, name, kMaxText)) {
            claims.emplace(name, std::move(*value));
        }
    }
    if (in.has(kDelegationExpires)) {
        claims.emplace(kDelegationExpires,
                       std::to_string(in.integer(kDelegationExpires, 1, base::kLastSecond)));
    }
    return claims;
}

MappedRequest read_request(JsonReader& in) {
    MappedRequest request;
    request.sub = read_plain(in, "sub", kMaxText);
    request.aud = read_audiences(in, request.aud_is_array);
    request.scope = read_scope(in);
    request.ttl = read_ttl(in);
    request.policy_hash_b64u = in.optional_b64u("policy_hash_b64u", kHashChars, kHashChars);
    if (const auto lane = in.optional_one_of("token_lane", {"legacy", "canonical"})) {
        request.lane = *lane == "canonical" ? claw::TokenLane::canonical : claw::TokenLane::legacy;
    }
    request.spend_cap = read_spend_cap(in);
    const auto agent = optional_plain(in, "agent_did", kMaxText);
    request.names_agent = agent.has_value();
    if (agent && *agent != request.sub) {
        in.refuse("agent_did", "must equal sub");
    }
    request.claims = read_listed(in);
    return request;
}

Result<JsonValue> parse_body(std::string_view body) {
    auto document = claw::parse_json(body, claw::JsonRules::door);
    return document.ok() ? std::move(document) : claw::under_rule(document.error(), kForm);
}

/// The member "request", if there is one, read by `read`.
template <class Read>
const JsonValue* read_inner(JsonReader& outer, Read read) {
    const JsonValue* value = outer.object("request");
    if (value != nullptr) {
        JsonReader in(*value, "request", kForm);
        read(in);
        if (const Status whole = in.finish(); !whole.ok()) {
            outer.refuse(whole.error());
        }
    }
    return value;
}

void read_narrowing(JsonReader& in, NarrowRequest& asked) {
    if (in.has("aud")) {
        asked.aud = read_audiences(in, asked.aud_is_array);
    }
    asked.scope = read_scope(in);
    asked.ttl = read_ttl(in);
    asked.policy_hash_b64u = in.optional_b64u("policy_hash_b64u", kHashChars, kHashChars);
    asked.spend_cap = read_spend_cap(in);
}

Call read_call(JsonReader& in) {
    Call call;
    call.provider = read_plain(in, "provider", kMaxCallText);
    call.model = read_plain(in, "model", kMaxCallText);
    call.tool = optional_plain(in, "tool", kMaxCallText);
    if (call.tool && !claw::is_plain_name(*call.tool)) {
        in.refuse("tool", claw::kPlainNameRule);
    }
    call.host = optional_plain(in, "host", kMaxCallText);
    if (call.host && !is_host(*call.host)) {
        in.refuse("host", "must be a host name, without scheme and port");
    }
    return call;
}

}  // namespace

bool is_mapped_request(const JsonValue& body) {
    return body.is_object() && body.get_object().contains("id_token");
}

Result<TokenRequestBody> parse_mapped_request(std::string_view body) {
    TRY(const JsonValue document, parse_body(body));
    return read_mapped_request(document);
}

Result<TokenRequestBody> read_mapped_request(const JsonValue& body) {
    JsonReader outer(body, "", kForm);
    TokenRequestBody asked;
    asked.id_token = outer.text("id_token", kAnyBytes);
    const JsonValue* request =
        read_inner(outer, [&](JsonReader& in) { asked.request = read_request(in); });
    CHECK_OK(outer.finish());
    asked.nonce = crypto::sha256_b64u(claw::canonical_json_text(*request));
    return asked;
}

Result<NarrowRequest> parse_narrow_request(std::string_view body) {
    TRY(const JsonValue document, parse_body(body));
    JsonReader outer(document, "", kForm);
    NarrowRequest asked;
    asked.cst = outer.text("cst", claw::kMaxTokenBytes);
    read_inner(outer, [&](JsonReader& in) { read_narrowing(in, asked); });
    CHECK_OK(outer.finish());
    return asked;
}

Result<DecisionRequest> parse_decision_request(std::string_view body) {
    TRY(const JsonValue document, parse_body(body));
    JsonReader in(document, "", kForm);
    DecisionRequest asked;
    asked.cst = in.text("cst", claw::kMaxTokenBytes);
    asked.call = read_call(in);
    CHECK_OK(in.finish());
    return asked;
}

}  // namespace clawsigner::policy
