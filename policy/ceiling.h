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

private:
    std::vector<std::string> patterns_;
};

/// The most that may ever stand in a token, whoever asks. One made by default allows nothing.
struct TokenCeiling {
    std::chrono::seconds max_ttl{0};
    NameSet audiences;
    NameSet scopes;
};

/// "egress:*.DOMAIN", the one form of scope that may hold a '*'. DOMAIN is one or more labels
/// (RFC 1123 section 2.1).
bool is_egress_wildcard(std::string_view scope) noexcept;

/// May a token of this grant live for `ttl`? Error: policy_denied, by ceiling.ttl,
/// ceiling.audience, ceiling.wildcard or ceiling.scope, with the claim's path under "claims".
Status within_ceiling(const TokenCeiling& ceiling, const claw::TokenGrant& grant,
                      std::chrono::seconds ttl);

}  // namespace clawsigner::policy
