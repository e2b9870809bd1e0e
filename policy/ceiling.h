#pragma once

#include "base/result.h"
#include "claw/token.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::policy {

/// Names, prefixes that end in '*', or "*" for all. Empty allows nothing. A name with white space,
/// a comma or a control character in it could be read as two, so no prefix allows it.
class NameSet {
public:
    NameSet() = default;
    explicit NameSet(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {}

    bool contains(std::string_view name) const noexcept;
    const std::vector<std::string>& patterns() const noexcept { return patterns_; }

    friend bool operator==(const NameSet&, const NameSet&) = default;

private:
    std::vector<std::string> patterns_;
};

/// The most that may ever stand in a token, whoever asks. One made by default allows nothing.
struct TokenCeiling {
    std::chrono::seconds max_ttl{0};
    NameSet audiences;
    NameSet scopes;

    friend bool operator==(const TokenCeiling&, const TokenCeiling&) = default;
};

/// Canonical JSON (RFC 8785): {"audiences":[…],"max_ttl_seconds":…,"scopes":[…],"v":1}.
std::string ceiling_text(const TokenCeiling& ceiling);
/// Accepts exactly what ceiling_text gives, of 1 s to 1 day and at most 256 patterns of 256 bytes
/// in a list. Errors: malformed_json, invalid_field.
Result<TokenCeiling> parse_ceiling(std::string_view text);

/// Does `next` allow nothing that `current` does not? Told by its patterns: each must be one of the
/// current ones, or there is "*".
bool is_no_higher(const TokenCeiling& next, const TokenCeiling& current);

/// "egress:*.DOMAIN", the one form of scope that may hold a '*'. DOMAIN is one or more labels
/// (RFC 1123 section 2.1).
bool is_egress_wildcard(std::string_view scope) noexcept;

/// May a token of this grant live for `ttl`? Error: policy_denied, by ceiling.ttl,
/// ceiling.audience, ceiling.wildcard or ceiling.scope, with the claim's path under "claims".
Status within_ceiling(const TokenCeiling& ceiling, const claw::TokenGrant& grant,
                      std::chrono::seconds ttl);

}  // namespace clawsigner::policy
