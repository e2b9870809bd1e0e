#include "claw/token_request.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using claw::TokenLane;

namespace {

constexpr std::string_view kHash = "RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o";

/// A good request with these members besides sub, aud and scope.
std::string request(const std::string& more = "") {
    return R"({"claims":{"sub":"did:key:zA","aud":"x","scope":["s"])" + more + "}}";
}

claw::TokenRequest good(const std::string& more) {
    const auto parsed = claw::parse_token_request(request(more));
    INFO((parsed.ok() ? std::string() : parsed.error().message));
    REQUIRE(parsed.ok());
    return *parsed;
}

std::string field_at_fault(const std::string& body) {
    const auto parsed = claw::parse_token_request(body);
    REQUIRE_FALSE(parsed.ok());
    return parsed.error().field;
}

}  // namespace

TEST_CASE("token request: is canonical when owner and controller are named, else legacy",
          "[claw]") {
    CHECK(good("").grant.lane == TokenLane::legacy);
    CHECK(good(R"(,"owner_did":"did:key:zO")").grant.lane == TokenLane::legacy);
    const std::string chain = R"(,"owner_did":"did:key:zO","controller_did":"did:key:zC")";
    const auto canonical = good(chain).grant;
    CHECK(canonical.lane == TokenLane::canonical);
    CHECK(canonical.agent_did == "did:key:zA");
    const auto stated = good(chain + R"(,"token_lane":"legacy")").grant;
    CHECK(stated.lane == TokenLane::legacy);
    CHECK_FALSE(stated.agent_did.has_value());
}

TEST_CASE("token request: trims what the ecosystem's issuer trims, and no more", "[claw]") {
    const auto grant =
        claw::parse_token_request(
            R"({"claims":{"sub":"\u00a0did:key:zA\ufeff","aud":[" x "],"scope":[" a ","a","\u2003"],)"
            R"("owner_ref":" r ","mission_id":" m ","owner_did":" did:key:zO "}})")
            .value()
            .grant;
    CHECK(grant.sub == "did:key:zA");
    CHECK(grant.aud == std::vector<std::string>{" x "});
    CHECK(grant.aud_is_array);
    CHECK(grant.scope == std::vector<std::string>{"a", "a"});
    CHECK(grant.owner_ref == " r ");
    CHECK(grant.mission_id == " m ");
    CHECK(grant.owner_did == "did:key:zO");
}

TEST_CASE("token request: drops fractions of a second", "[claw]") {
    CHECK(good(R"(,"ttl_sec":12.9)").ttl == 12);
    CHECK(good(R"(,"exp":1767225600.5)").exp == 1767225600);
}

TEST_CASE("token request: names the claim that is wrong", "[claw]") {
    const auto [more, field] = GENERATE(table<std::string, std::string>({
        {R"(,"iss":"x")", "claims.iss"},
        {R"(,"jti":"x")", "claims.jti"},
        {R"(,"nonce":"x")", "claims.nonce"},
        {R"(,"token_version":"2")", "claims.token_version"},
        {R"(,"tier":"gold")", "claims.tier"},
        {R"(,"owner_ref":"")", "claims.owner_ref"},
        {R"(,"owner_did":"")", "claims.owner_did"},
        {R"(,"payment_account_did":"acct:1")", "claims.payment_account_did"},
        {R"(,"spend_cap":-0.01)", "claims.spend_cap"},
        {R"(,"spend_cap":"1")", "claims.spend_cap"},
        {R"(,"policy_hash_b64u":"short")", "claims.policy_hash_b64u"},
        {R"(,"ttl_sec":0)", "claims.ttl_sec"},
        {R"(,"ttl_sec":0.9)", "claims.ttl_sec"},
        {R"(,"ttl_sec":-1)", "claims.ttl_sec"},
        {R"(,"ttl_sec":1,"exp":2)", "claims.ttl_sec"},
        {R"(,"token_lane":"canonical")", "claims.token_lane"},
        {R"(,"token_lane":"fast")", "claims.token_lane"},
        {R"(,"delegation_id":"d")", "claims.token_lane"},
        {R"(,"delegation_spend_cap_minor":"1.5")", "claims.delegation_spend_cap_minor"},
        {R"(,"delegation_expires_at":0)", "claims.delegation_expires_at"},
        {R"(,"owner_did":"did:key:zO","controller_did":"did:key:zC","agent_did":"did:key:zB")",
         "claims.agent_did"},
        {R"(,"owner_did":"did:key:zO","controller_did":"did:key:zC","delegate_did":"did:key:zB")",
         "claims.delegate_did"},
        {R"(,"owner_did":"did:key:zO","controller_did":"did:key:zC","delegator_did":"did:key:zB")",
         "claims.delegator_did"},
    }));
    CHECK(field_at_fault(request(more)) == field);
}

TEST_CASE("token request: names what is wrong with subject, audience and scope", "[claw]") {
    const auto [body, field] = GENERATE(table<std::string, std::string>({
        {R"({"claims":{"aud":"x","scope":["s"]}})", "claims.sub"},
        {R"({"claims":{"sub":"  ","aud":"x","scope":["s"]}})", "claims.sub"},
        {R"({"claims":{"sub":"a","scope":["s"]}})", "claims.aud"},
        {R"({"claims":{"sub":"a","aud":" ","scope":["s"]}})", "claims.aud"},
        {R"({"claims":{"sub":"a","aud":[],"scope":["s"]}})", "claims.aud"},
        {R"({"claims":{"sub":"a","aud":["x",""],"scope":["s"]}})", "claims.aud[1]"},
        {R"({"claims":{"sub":"a","aud":"x"}})", "claims.scope"},
        {R"({"claims":{"sub":"a","aud":"x","scope":"s"}})", "claims.scope"},
        {R"({"claims":{"sub":"a","aud":"x","scope":[]}})", "claims.scope"},
        {R"({"claims":{"sub":"a","aud":"x","scope":["s",1]}})", "claims.scope[1]"},
        {R"({"claims":{"sub":"a","aud":"x","scope":["s",""]}})", "claims.scope[1]"},
        {R"({"claims":{"sub":"a","aud":"x","scope":["  "]}})", "claims.scope"},
        {R"({"claims":{"sub":"a b","aud":"x","scope":["s"],"owner_did":"did:key:zO","controller_did":"did:key:zC"}})",
         "claims.sub"},
        {R"({"claims":[]})", "claims"},
        {R"({"claims":{"sub":"a","aud":"x","scope":["s"]},"more":1})", "more"},
        {R"({})", "claims"},
    }));
    CHECK(field_at_fault(body) == field);
}

TEST_CASE("token request: counts scopes and their characters as JavaScript does", "[claw]") {
    const auto with_scope = [](const std::string& scope) {
        return claw::parse_token_request(R"({"claims":{"sub":"a","aud":"x","scope":[")" + scope +
                                         R"("]}})");
    };
    std::string emoji;
    for (int i = 0; i < 64; ++i) {
        emoji += "😀";  // two code units each
    }
    CHECK(with_scope(emoji).ok());
    CHECK_FALSE(with_scope(emoji + "x").ok());
    std::string many = "s";
    for (int i = 1; i < 64; ++i) {
        many += R"(","s)";
    }
    CHECK(with_scope(many).ok());
    CHECK(with_scope(many + R"(","s)").error().code == ErrorCode::scope_too_large);
}

TEST_CASE("token request: keeps what the caller expects of us", "[claw]") {
    const auto request = good(R"(,"iat":5,"token_scope_hash_b64u":")" + std::string(kHash) + "\"");
    CHECK(request.expected_iat == 5);
    CHECK(request.expected_scope_hash == kHash);
}
