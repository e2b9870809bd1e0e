#include "claw/json.h"
#include "fuzz/fuzz.h"
#include "policy/token_decision.h"

#include <algorithm>

namespace clawsigner::fuzz {
namespace {

constexpr std::int64_t kNow = 1'767'225'600;

bool is_legal(std::string_view scope) {
    const auto illegal = [](char c) { return c <= ' ' || c > '~' || c == ','; };
    const std::size_t star = scope.find('*');
    return scope.size() <= claw::kMaxScopeChars && std::ranges::none_of(scope, illegal) &&
           (star == std::string_view::npos || (scope.starts_with("egress:*.") && star == 7 &&
                                               scope.find('*', 8) == std::string_view::npos));
}

void decide(const policy::ScopeMapping& mapping) {
    policy::TrustSettings trust;
    trust.allow_unpinned = true;
    trust.audiences = {"clawproxy.com"};
    policy::IdToken user;
    policy::MappedRequest request;
    request.sub = "did:key:zAgent";
    request.aud = {"clawproxy.com"};
    for (const auto& entry : mapping.entries()) {
        user.groups.push_back(entry.okta_group);
    }
    const auto token = policy::decide_token({mapping, {}, trust}, user, request, kNow);
    if (!token.ok()) {
        return;
    }
    require(token->exp > kNow && token->exp <= kNow + policy::kDefaultTokenTtl);
    require(token->grant.scope.size() <= claw::kMaxScopes);
    require(std::ranges::all_of(token->grant.scope, is_legal));
}

}  // namespace

// A mapping that is read has one text, and nobody gets from it what no scope may be; a request has
// scopes that are such.
void fuzz(std::span<const std::uint8_t> input) {
    const std::string_view text = as_text(input);
    if (const auto mapping = policy::ScopeMapping::parse(text); mapping.ok()) {
        const auto again = policy::ScopeMapping::parse(mapping->text());
        require(again.ok() && again->text() == mapping->text());
        require(again->digest() == mapping->digest());
        decide(*mapping);
    } else {
        require(!mapping.error().rule.empty());
    }
    if (const auto asked = policy::parse_mapped_request(text); asked.ok()) {
        require(policy::is_mapped_request(claw::parse_json(text, claw::JsonRules::door).value()) &&
                asked->nonce.size() == 43);
        require(!asked->request.scope || std::ranges::all_of(*asked->request.scope, is_legal));
        require(!asked->request.spend_cap || *asked->request.spend_cap >= 0);
    }
    if (const auto asked = policy::parse_narrow_request(text); asked.ok()) {
        require(!asked->scope || std::ranges::all_of(*asked->scope, is_legal));
    }
    (void)policy::parse_decision_request(text);
}

}  // namespace clawsigner::fuzz
