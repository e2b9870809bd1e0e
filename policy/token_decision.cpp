#include "policy/token_decision.h"

#include "claw/json_reader.h"
#include "policy/token_bounds.h"

#include <algorithm>
#include <charconv>

namespace clawsigner::policy {
namespace {

using claw::TokenGrant;
using claw::TokenLane;
using claw::WorkPolicy;
using Entries = std::vector<const MappingEntry*>;

/// Those of the entries that `keep`; the error of none being left is the caller's.
template <class Keep>
Entries kept(const Entries& entries, Keep keep) {
    Entries left;
    std::ranges::copy_if(entries, std::back_inserter(left),
                         [&](const MappingEntry* entry) { return keep(*entry); });
    return left;
}

// Which entries are the user's, and what binds them.

Result<Entries> entries_of(const TokenRules& rules, const IdToken& user) {
    Entries all;
    for (const MappingEntry& entry : rules.mapping.entries()) {
        all.push_back(&entry);
    }
    const Entries matched = kept(all, [&](const MappingEntry& entry) {
        return std::ranges::find(user.groups, entry.okta_group) != user.groups.end();
    });
    if (matched.empty()) {
        return Error::denied("mapping.no_group", "id_token",
                             "has no group that the scope mapping knows");
    }
    Entries bound = kept(matched, [&](const MappingEntry& entry) {
        return entry.is_bound() || rules.trust.allow_unpinned;
    });
    if (bound.empty()) {
        return Error::denied("mapping.unbound", "id_token",
                             "has groups only whose entries lack policy_pin, subjects or "
                             "audiences, which no token is issued by here");
    }
    return bound;
}

std::string_view pin_hash(const MappingEntry& entry) {
    return entry.policy_pin ? std::string_view(entry.policy_pin->policy_hash_b64u) : "";
}

/// The entries of one pin: the one the request names, else the only one there is.
Result<Entries> of_one_pin(const Entries& entries, const MappedRequest& request) {
    std::string_view pin = pin_hash(*entries.front());
    if (request.policy_hash_b64u) {
        pin = *request.policy_hash_b64u;
    } else if (std::ranges::any_of(entries, [&](auto* each) { return pin_hash(*each) != pin; })) {
        return request_denied(
            "pin.ambiguous", "policy_hash_b64u",
            "must name one of the contracts that the user's groups are pinned to");
    }
    Entries left = kept(entries, [&](const MappingEntry& entry) { return pin_hash(entry) == pin; });
    if (left.empty()) {
        return request_denied("pin.not_in_mapping", "policy_hash_b64u",
                              "is not a contract that the user's groups are pinned to");
    }
    return left;
}

/// The contract of these entries, or null where they have none.
Result<const WorkPolicy*> contract_of(const TokenRules& rules, const Entries& entries) {
    if (!entries.front()->policy_pin) {
        return nullptr;
    }
    TRY(const WorkPolicy* policy,
        active_policy(rules.policies, pin_hash(*entries.front()),
                      claw::member_path(kRequestPath, "policy_hash_b64u")));
    for (const MappingEntry* entry : entries) {
        if (!entry->policy_pin || entry->policy_pin->policy_version != policy->version()) {
            return request_denied("pin.version", "policy_hash_b64u",
                                  "is pinned with a policy_version that is not the contract's");
        }
    }
    return policy;
}

// Which of them allow what the request names.

TokenLane lane_of(const MappedRequest& request) {
    if (request.lane) {
        return *request.lane;
    }
    const bool chain =
        request.claims.contains("owner_did") && request.claims.contains("controller_did");
    return chain ? TokenLane::canonical : TokenLane::legacy;
}

bool allows_audiences(const MappingEntry& entry, const TrustSettings& trust,
                      const std::vector<std::string>& audiences) {
    return std::ranges::all_of(audiences, [&](const std::string& audience) {
        return entry.audiences
                   ? entry.audiences->contains(audience)
                   : std::ranges::find(trust.audiences, audience) != trust.audiences.end();
    });
}

bool allows_claims(const MappingEntry& entry, const MappedRequest& request) {
    return std::ranges::all_of(request.claims, [&](const auto& claim) {
        const auto listed = entry.claims.find(claim.first);
        return listed != entry.claims.end() && listed->second.contains(claim.second);
    });
}

Result<Entries> allowing(const TokenRules& rules, Entries entries, const MappedRequest& request) {
    entries = kept(entries, [&](const MappingEntry& entry) {
        return !entry.subjects || entry.subjects->contains(request.sub);
    });
    if (entries.empty()) {
        return request_denied("mapping.subject", "sub",
                              "is not a subject that the user's groups may name");
    }
    entries = kept(entries, [&](const MappingEntry& entry) {
        return allows_audiences(entry, rules.trust, request.aud);
    });
    if (entries.empty()) {
        return request_denied("mapping.audience", "aud",
                              "is not an audience that the user's groups may name");
    }
    entries = kept(entries, [&](const MappingEntry& entry) {
        return lane_of(request) == TokenLane::legacy || entry.lane == TokenLane::canonical;
    });
    if (entries.empty()) {
        return request_denied("mapping.lane", "token_lane",
                              "is canonical, which the user's groups do not allow");
    }
    entries =
        kept(entries, [&](const MappingEntry& entry) { return allows_claims(entry, request); });
    if (entries.empty()) {
        return request_denied(
            "mapping.claim", "",
            "has an owner, controller, payment, mission or delegation claim with a value "
            "that the user's groups do not list");
    }
    return entries;
}

// What they give together.

void add_scopes(Scopes& scopes, ScopeKind kind, const std::set<std::string>& names) {
    for (const std::string& name : names) {
        scopes.insert(std::string(scope_prefix(kind)) + name);
    }
}

Scopes union_of(const Entries& entries) {
    Scopes scopes;
    for (const MappingEntry* entry : entries) {
        add_scopes(scopes, ScopeKind::tool, entry->allowed_tools);
        add_scopes(scopes, ScopeKind::model, entry->allowed_models);
        add_scopes(scopes, ScopeKind::egress, entry->egress_allowlist);
        scopes.insert(entry->scopes.begin(), entry->scopes.end());
    }
    return scopes;
}

Result<std::vector<std::string>> scopes_of(const Entries& entries, const MappedRequest& request,
                                           const WorkPolicy* policy) {
    const Scopes have = union_of(entries);
    if (!request.scope) {
        return listed(within(have, policy), true);
    }
    for (const std::string& scope : *request.scope) {
        if (scope != kProxyCall && !covers(have, scope)) {
            return request_denied("mapping.scope", "scope",
                                  "names a scope that the user's groups do not give");
        }
    }
    return listed(*request.scope, true);
}

// The token.

std::optional<std::string> claim(const MappedRequest& request, std::string_view name) {
    const auto found = request.claims.find(name);
    return found == request.claims.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::int64_t> seconds_claim(const MappedRequest& request, std::string_view name) {
    const auto text = claim(request, name);
    std::int64_t seconds = 0;
    if (!text ||
        std::from_chars(text->data(), text->data() + text->size(), seconds).ec != std::errc()) {
        return std::nullopt;
    }
    return seconds;
}

TokenGrant named_in(const MappedRequest& request) {
    TokenGrant grant;
    grant.sub = request.sub;
    grant.aud = request.aud;
    grant.aud_is_array = request.aud_is_array;
    grant.lane = lane_of(request);
    if (request.names_agent || grant.lane == TokenLane::canonical) {
        grant.agent_did = request.sub;
    }
    grant.owner_ref = claim(request, "owner_ref");
    grant.owner_did = claim(request, "owner_did");
    grant.controller_did = claim(request, "controller_did");
    grant.payment_account_did = claim(request, "payment_account_did");
    grant.control_plane_policy_hash_b64u = claim(request, "control_plane_policy_hash_b64u");
    grant.spend_cap = request.spend_cap;
    grant.mission_id = claim(request, "mission_id");
    grant.delegation_id = claim(request, "delegation_id");
    grant.delegator_did = claim(request, "delegator_did");
    grant.delegate_did = claim(request, "delegate_did");
    grant.delegation_policy_hash_b64u = claim(request, "delegation_policy_hash_b64u");
    grant.delegation_spend_cap_minor = claim(request, "delegation_spend_cap_minor");
    grant.delegation_expires_at = seconds_claim(request, kDelegationExpires);
    return grant;
}

/// Its members held against each other, as for a token by {"claims"}.
Status check_grant(const TokenGrant& grant) {
    const claw::JsonValue nothing = claw::JsonObject();
    claw::JsonReader faults(nothing, std::string(kRequestPath), "request.form");
    claw::check_token_grant(grant, faults);
    if (grant.agent_did && !claw::is_did(*grant.agent_did)) {
        faults.refuse("sub", "must be a DID where it is the agent");
    }
    return faults.finish_open();
}

std::chrono::seconds smallest_ttl(const Entries& entries) {
    return std::ranges::min(entries, {}, &MappingEntry::max_ttl)->max_ttl;
}

Result<std::int64_t> asked_end(const MappedRequest& request, std::chrono::seconds max_ttl,
                               std::int64_t now) {
    if (request.ttl && *request.ttl > max_ttl) {
        return request_denied("mapping.ttl", "ttl_sec",
                              "may be at most " + std::to_string(max_ttl.count()) + " s");
    }
    if (!request.ttl) {
        return now + std::min(kDefaultTokenTtl, max_ttl.count());
    }
    return now + request.ttl->count();
}

std::vector<std::string> groups_of(const Entries& entries) {
    std::vector<std::string> groups;
    std::ranges::transform(entries, std::back_inserter(groups),
                           [](const MappingEntry* entry) { return entry->okta_group; });
    return groups;
}

}  // namespace

Result<AllowedToken> decide_token(const TokenRules& rules, const IdToken& user,
                                  const MappedRequest& request, std::int64_t now) {
    TRY(Entries entries, entries_of(rules, user));
    TRY(entries, of_one_pin(entries, request));
    TRY(const WorkPolicy* policy, contract_of(rules, entries));
    TRY(entries, allowing(rules, std::move(entries), request));

    AllowedToken token;
    token.grant = named_in(request);
    CHECK_OK(check_grant(token.grant));
    if (policy != nullptr) {
        token.grant.policy_hash_b64u = policy->hash();
    }
    TRY(const std::int64_t end, asked_end(request, smallest_ttl(entries), now));
    TRY(token.grant.scope, scopes_of(entries, request, policy));
    TRY(token.exp, bounded(policy, token.grant, now, end));
    token.rule = "mapping";
    token.groups = groups_of(entries);
    token.mapping_digest = rules.mapping.digest();
    return token;
}

}  // namespace clawsigner::policy
