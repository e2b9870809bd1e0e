#pragma once

#include "base/result.h"
#include "claw/token.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::policy {

inline constexpr std::size_t kMaxMappingBytes = 65'536;
inline constexpr std::size_t kMaxMappingEntries = 256;
inline constexpr std::size_t kMaxMappingItems = 256;  // of each list of an entry
inline constexpr std::chrono::seconds kMaxMappingTtl{86'400};

/// The one listed claim that is a number: Unix seconds, here as decimal digits.
inline constexpr std::string_view kDelegationExpires = "delegation_expires_at";

/// The contract an entry's tokens are held to.
struct PolicyPin {
    std::string policy_hash_b64u;  // 43 characters of base64url, in its one spelling
    std::string policy_version;    // equals the contract's WorkPolicy::version()
    friend auto operator<=>(const PolicyPin&, const PolicyPin&) = default;
};

/// What agents may do on behalf of the users of one group.
struct MappingEntry {
    std::string okta_group;
    // cst_claims:
    std::set<std::string> allowed_tools;
    std::set<std::string> allowed_models;
    std::set<std::string> egress_allowlist;
    std::chrono::seconds max_ttl{0};
    // beside them:
    std::optional<PolicyPin> policy_pin;
    std::optional<std::set<std::string>> subjects;   // the `sub` a request may name
    std::optional<std::set<std::string>> audiences;  // the `aud` a request may name
    std::set<std::string> scopes;                    // other scopes, each exactly
    claw::TokenLane lane = claw::TokenLane::legacy;  // canonical: both lanes may be asked for
    /// The values that owner, controller, payment, mission and delegation claims may have, by the
    /// claim's name. A claim that is not here is in no token of this entry.
    std::map<std::string, std::set<std::string>, std::less<>> claims;

    /// Is it bound to a contract, to subjects and to audiences? Others issue only where
    /// allow_unpinned is set.
    bool is_bound() const noexcept { return policy_pin && subjects && audiences; }
};

/// Groups of the identity provider, and what they may have. Immutable.
class ScopeMapping {
public:
    /// The document an operator writes, in any layout:
    ///
    ///     {"scope_mappings":[{"okta_group":G,"cst_claims":{"allowed_tools":[…],
    ///      "allowed_models":[…],"egress_allowlist":[…],"max_ttl_seconds":N},
    ///      "policy_pin":{"policy_hash_b64u":H,"policy_version":V},"subjects":[…],
    ///      "audiences":[…],"scopes":[…],"lane":"legacy"|"canonical","claims":{NAME:[…]}}]}
    ///
    /// The four of cst_claims and okta_group are mandatory, all others may be absent; nothing else
    /// may be there. `claims` has owner_ref, owner_did, controller_did, payment_account_did,
    /// mission_id, control_plane_policy_hash_b64u, delegation_id, delegator_did, delegate_did,
    /// delegation_policy_hash_b64u, delegation_spend_cap_minor, delegation_expires_at
    /// (numbers, Unix seconds). Errors: too_large; malformed_json; invalid_field, by
    /// mapping.form, mapping.duplicate_group, mapping.wildcard, mapping.ttl_form or
    /// mapping.pin_form, with the member's path.
    static Result<ScopeMapping> parse(std::string_view text);

    const std::vector<MappingEntry>& entries() const noexcept { return entries_; }
    /// Canonical JSON (RFC 8785) of what was read; it reads back as the same mapping.
    const std::string& text() const noexcept { return text_; }
    /// H(text()): what leaves name the mapping by.
    const std::string& digest() const noexcept { return digest_; }

private:
    ScopeMapping(std::vector<MappingEntry> entries, std::string text, std::string digest)
        : entries_(std::move(entries)), text_(std::move(text)), digest_(std::move(digest)) {}

    std::vector<MappingEntry> entries_;
    std::string text_;
    std::string digest_;
};

/// "tool:NAME", "model:ID", "egress:HOST": the kinds of scope that say what an agent may reach.
enum class ScopeKind : std::uint8_t { tool, model, egress };
inline constexpr std::array kScopeKinds{ScopeKind::tool, ScopeKind::model, ScopeKind::egress};
/// "tool:", "model:", "egress:". Static storage.
std::string_view scope_prefix(ScopeKind kind) noexcept;
/// The kind of this scope, or nothing when it is another of the ecosystem's.
std::optional<ScopeKind> scope_kind(std::string_view scope) noexcept;

/// What every mapped token may do: call models through the proxy.
inline constexpr std::string_view kProxyCall = "proxy:call";

}  // namespace clawsigner::policy
