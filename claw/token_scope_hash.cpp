#include "claw/javascript_text.h"
#include "claw/json_writer.h"
#include "claw/token.h"
#include "crypto/digest.h"

#include <algorithm>

namespace clawsigner::claw {
namespace {

/// Each trimmed, blank ones dropped, every one once, in the order of UTF-16 code units.
std::string set_of(const std::vector<std::string>& texts) {
    std::vector<std::string_view> set;
    for (const std::string& text : texts) {
        if (const std::string_view trimmed = trim(text); !trimmed.empty()) {
            set.push_back(trimmed);
        }
    }
    std::ranges::sort(set, utf16_less);
    const auto repeated = std::ranges::unique(set);
    set.erase(repeated.begin(), repeated.end());
    std::string array = "[";
    for (const std::string_view text : set) {
        append_json_string(array.append(array.size() > 1 ? "," : ""), text);
    }
    return array.append("]");
}

void put(JsonWriter& out, std::string_view name, const std::optional<std::string>& text) {
    if (text && !is_blank(*text)) {
        out.text(name, trim(*text));
    }
}

}  // namespace

// RFC 8785 sorts members by name: the calls below stand in that order.
std::string token_scope_hash(const TokenGrant& grant) {
    JsonWriter out;
    put(out, "agent_did", grant.agent_did);
    out.raw("aud", set_of(grant.aud));
    put(out, "control_plane_policy_hash_b64u", grant.control_plane_policy_hash_b64u);
    put(out, "controller_did", grant.controller_did);
    put(out, "delegate_did", grant.delegate_did);
    if (const auto expires = grant.delegation_expires_at.value_or(0); expires > 0) {
        out.integer("delegation_expires_at", expires);
    }
    put(out, "delegation_id", grant.delegation_id);
    put(out, "delegation_policy_hash_b64u", grant.delegation_policy_hash_b64u);
    put(out, "delegation_spend_cap_minor", grant.delegation_spend_cap_minor);
    put(out, "delegator_did", grant.delegator_did);
    put(out, "mission_id", grant.mission_id);
    put(out, "owner_did", grant.owner_did);
    put(out, "owner_ref", grant.owner_ref);
    put(out, "payment_account_did", grant.payment_account_did);
    put(out, "policy_hash_b64u", grant.policy_hash_b64u);
    out.raw("scope", set_of(grant.scope));
    out.optional_number("spend_cap", grant.spend_cap);
    out.text("sub", trim(grant.sub)).text("token_version", "1");
    return crypto::sha256_b64u(out.done());
}

}  // namespace clawsigner::claw
