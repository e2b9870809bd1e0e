#include "claw/javascript_text.h"
#include "claw/json_reader.h"
#include "claw/token.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace clawsigner::claw {
namespace {

constexpr std::size_t kHashChars = 43;
constexpr std::size_t kMaxScopeBytes = kMaxScopeChars * 3;
constexpr std::size_t kAnyCount = 65'536;  // more than fit into a request: judged by name below
constexpr double kMaxSafeInteger = 9'007'199'254'740'991;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_method_char(char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c);
}

bool is_id_char(char c) {
    return is_method_char(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '%' ||
           c == '-';
}

std::string item(std::string_view name, std::size_t index) {
    return std::string(name) + "[" + std::to_string(index) + "]";
}

std::optional<std::string> trimmed_text(JsonReader& in, std::string_view name) {
    const auto text = in.optional_text(name, kMaxClaimBytes);
    return text ? std::optional(std::string(trim(*text))) : std::nullopt;
}

std::optional<std::string> did(JsonReader& in, std::string_view name) {
    auto text = trimmed_text(in, name);
    if (text && !is_did(*text)) {
        in.refuse(name, "must be a DID of the form did:method:id");
    }
    return text;
}

std::optional<std::string> hash(JsonReader& in, std::string_view name) {
    auto text = trimmed_text(in, name);
    if (text && (text->size() != kHashChars || !base::base64url_decode(*text).ok())) {
        in.refuse(name, "must be a SHA-256 in base64url, 43 characters");
    }
    return text;
}

std::optional<std::string> digits(JsonReader& in, std::string_view name) {
    auto text = trimmed_text(in, name);
    if (text && !std::ranges::all_of(*text, is_digit)) {
        in.refuse(name, "must be a string of decimal digits");
    }
    return text;
}

std::optional<std::int64_t> unix_seconds(JsonReader& in, std::string_view name) {
    const auto number = in.optional_number(name, 1, kMaxSafeInteger);
    return number ? std::optional(static_cast<std::int64_t>(std::floor(*number))) : std::nullopt;
}

void read_audience(JsonReader& in, TokenGrant& grant) {
    const JsonValue* value = in.optional_any("aud");
    grant.aud_is_array = value != nullptr && value->is_array();
    if (!grant.aud_is_array) {
        grant.aud = {in.text("aud", kMaxClaimBytes)};
        return;
    }
    grant.aud = in.texts("aud", 1, kMaxAudiences, kMaxClaimBytes);
    for (std::size_t i = 0; i < grant.aud.size(); ++i) {
        if (is_blank(grant.aud[i])) {
            in.refuse(item("aud", i), "must not be blank");
        }
    }
}

/// Trimmed, in their order, repetitions kept. Items of white space alone vanish, as they do at the
/// ecosystem's issuer; an empty one is refused, as it is there.
std::vector<std::string> read_scope(JsonReader& in) {
    std::vector<std::string> scopes;
    const std::vector<std::string> given = in.texts("scope", 1, kAnyCount, kMaxScopeBytes);
    if (given.size() > kMaxScopes) {
        Error error = Error::at(member_path(in.path(), "scope"),
                                "may have at most " + std::to_string(kMaxScopes) + " items");
        error.code = ErrorCode::scope_too_large;
        in.refuse(std::move(error));
        return scopes;
    }
    for (std::size_t i = 0; i < given.size(); ++i) {
        if (given[i].empty() || utf16_length(given[i]) > kMaxScopeChars) {
            in.refuse(item("scope", i),
                      "must have from 1 to " + std::to_string(kMaxScopeChars) + " characters");
        }
        if (const std::string_view scope = trim(given[i]); !scope.empty()) {
            scopes.emplace_back(scope);
        }
    }
    if (scopes.empty()) {
        in.refuse("scope", "must name at least one scope");
    }
    return scopes;
}

}  // namespace

bool is_did(std::string_view text) noexcept {
    constexpr std::string_view kStart = "did:";
    if (!text.starts_with(kStart)) {
        return false;
    }
    text.remove_prefix(kStart.size());
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) {
        return false;
    }
    return std::ranges::all_of(text.substr(0, colon), is_method_char) &&
           std::ranges::all_of(text.substr(colon + 1), is_id_char);
}

TokenGrant read_token_grant(JsonReader& in) {
    TokenGrant grant;
    grant.sub = trim(in.text("sub", kMaxClaimBytes));
    read_audience(in, grant);
    grant.scope = read_scope(in);
    grant.owner_ref = in.optional_text("owner_ref", kMaxClaimBytes);
    grant.owner_did = did(in, "owner_did");
    grant.controller_did = did(in, "controller_did");
    grant.agent_did = did(in, "agent_did");
    grant.policy_hash_b64u = hash(in, "policy_hash_b64u");
    grant.control_plane_policy_hash_b64u = hash(in, "control_plane_policy_hash_b64u");
    grant.payment_account_did = did(in, "payment_account_did");
    grant.spend_cap = in.optional_number("spend_cap", 0, std::numeric_limits<double>::max());
    grant.mission_id = in.optional_text("mission_id", kMaxClaimBytes);
    grant.delegation_id = trimmed_text(in, "delegation_id");
    grant.delegator_did = did(in, "delegator_did");
    grant.delegate_did = did(in, "delegate_did");
    grant.delegation_policy_hash_b64u = hash(in, "delegation_policy_hash_b64u");
    grant.delegation_spend_cap_minor = digits(in, "delegation_spend_cap_minor");
    grant.delegation_expires_at = unix_seconds(in, "delegation_expires_at");
    return grant;
}

void check_token_grant(const TokenGrant& grant, JsonReader& in) {
    if (grant.lane == TokenLane::canonical) {
        if (!grant.has_chain()) {
            in.refuse("token_lane",
                      "can be canonical only with owner_did, controller_did and agent_did");
        } else if (grant.agent_did != grant.sub) {
            in.refuse("agent_did", "must equal sub in the canonical lane");
        }
    } else if (grant.is_delegated()) {
        in.refuse(
            "token_lane",
            "must be canonical for delegation claims: owner_did and controller_did are needed");
    }
    if (grant.delegate_did && grant.delegate_did != grant.sub) {
        in.refuse("delegate_did", "must equal sub");
    }
    if (grant.delegator_did && grant.owner_did && grant.delegator_did != grant.owner_did) {
        in.refuse("delegator_did", "must equal owner_did");
    }
}

}  // namespace clawsigner::claw
