#include "policy/ceiling.h"

#include "policy/patterns.h"

#include <algorithm>

namespace clawsigner::policy {
namespace {

/// Nobody who splits lists at white space or commas finds two names in it.
bool is_one_word(std::string_view name) {
    const auto splits = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte <= 0x20 || byte == 0x7F || c == ',';
    };
    return std::ranges::none_of(name, splits);
}

std::string item(std::string_view name, std::size_t index) {
    return std::string(name) + "[" + std::to_string(index) + "]";
}

Status audiences_within(const TokenCeiling& ceiling, const claw::TokenGrant& grant) {
    for (std::size_t i = 0; i < grant.aud.size(); ++i) {
        if (!ceiling.audiences.contains(grant.aud[i])) {
            return Error::denied("ceiling.audience",
                                 grant.aud_is_array ? item("claims.aud", i) : "claims.aud",
                                 "is not an audience tokens may be issued for");
        }
    }
    return Status::done();
}

Status scopes_within(const TokenCeiling& ceiling, const claw::TokenGrant& grant) {
    for (std::size_t i = 0; i < grant.scope.size(); ++i) {
        const std::string& scope = grant.scope[i];
        if (scope.find('*') != std::string::npos && !is_egress_wildcard(scope)) {
            return Error::denied("ceiling.wildcard", item("claims.scope", i),
                                 "holds a wildcard; only egress:*.DOMAIN may");
        }
        if (!ceiling.scopes.contains(scope)) {
            return Error::denied("ceiling.scope", item("claims.scope", i),
                                 "is not a scope that may be granted");
        }
    }
    return Status::done();
}

}  // namespace

bool NameSet::contains(std::string_view name) const noexcept {
    const bool one_word = is_one_word(name);
    return std::ranges::any_of(patterns_, [&](std::string_view pattern) {
        return name == pattern || pattern == "*" ||
               (pattern.ends_with('*') && one_word &&
                name.starts_with(pattern.substr(0, pattern.size() - 1)));
    });
}

bool is_egress_wildcard(std::string_view scope) noexcept {
    constexpr std::string_view kStart = "egress:*.";
    return scope.starts_with(kStart) && is_host(scope.substr(kStart.size()));
}

Status within_ceiling(const TokenCeiling& ceiling, const claw::TokenGrant& grant,
                      std::chrono::seconds ttl) {
    if (ttl > ceiling.max_ttl || ttl.count() < 1) {
        return Error::denied(
            "ceiling.ttl", "claims",
            "may live for at most " + std::to_string(ceiling.max_ttl.count()) + " s");
    }
    CHECK_OK(audiences_within(ceiling, grant));
    return scopes_within(ceiling, grant);
}

}  // namespace clawsigner::policy
