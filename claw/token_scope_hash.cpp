#include "claw/javascript_text.h"
#include "claw/json.h"
#include "claw/token.h"
#include "crypto/digest.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>

namespace clawsigner::claw {
namespace {

/// Each trimmed, blank ones dropped, every one once, in the order of UTF-16 code units.
boost::json::array set_of(const std::vector<std::string>& texts) {
    std::vector<std::string_view> set;
    for (const std::string& text : texts) {
        if (const std::string_view trimmed = trim(text); !trimmed.empty()) {
            set.push_back(trimmed);
        }
    }
    std::ranges::sort(set, utf16_less);
    const auto repeated = std::ranges::unique(set);
    set.erase(repeated.begin(), repeated.end());
    boost::json::array array;
    for (const std::string_view text : set) {
        array.emplace_back(text);
    }
    return array;
}

void put(JsonObject& object, std::string_view name, const std::optional<std::string>& text) {
    if (text && !is_blank(*text)) {
        object[name] = trim(*text);
    }
}

}  // namespace

std::string token_scope_hash(const TokenGrant& grant) {
    JsonObject object;
    object["token_version"] = "1";
    object["sub"] = trim(grant.sub);
    object["aud"] = set_of(grant.aud);
    object["scope"] = set_of(grant.scope);
    put(object, "owner_ref", grant.owner_ref);
    put(object, "owner_did", grant.owner_did);
    put(object, "controller_did", grant.controller_did);
    put(object, "agent_did", grant.agent_did);
    put(object, "policy_hash_b64u", grant.policy_hash_b64u);
    put(object, "control_plane_policy_hash_b64u", grant.control_plane_policy_hash_b64u);
    put(object, "payment_account_did", grant.payment_account_did);
    put(object, "mission_id", grant.mission_id);
    put(object, "delegation_id", grant.delegation_id);
    put(object, "delegator_did", grant.delegator_did);
    put(object, "delegate_did", grant.delegate_did);
    put(object, "delegation_policy_hash_b64u", grant.delegation_policy_hash_b64u);
    put(object, "delegation_spend_cap_minor", grant.delegation_spend_cap_minor);
    if (grant.spend_cap) {
        object["spend_cap"] = *grant.spend_cap;
    }
    if (const auto expires = grant.delegation_expires_at.value_or(0); expires > 0) {
        object["delegation_expires_at"] = static_cast<double>(expires);
    }
    return crypto::sha256_b64u(canonical_json_text(object));
}

}  // namespace clawsigner::claw
