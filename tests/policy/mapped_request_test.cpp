#include "policy/mapped_request.h"

#include "claw/json.h"
#include "crypto/digest.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using policy::parse_decision_request;
using policy::parse_mapped_request;
using policy::parse_narrow_request;

namespace {

constexpr std::string_view kGood =
    R"({"id_token":"a.b.c","request":{"sub":"did:key:zA","aud":"clawproxy.com"}})";

std::string_view rule_of(std::string_view body) {
    const auto asked = parse_mapped_request(body);
    return asked.ok() ? "" : asked.error().rule;
}

}  // namespace

TEST_CASE("mapped request: what is not said is all that may be had", "[policy]") {
    const auto asked = parse_mapped_request(kGood);
    REQUIRE(asked.ok());
    CHECK(asked->id_token == "a.b.c");
    CHECK(asked->request.sub == "did:key:zA");
    CHECK(asked->request.aud == std::vector<std::string>{"clawproxy.com"});
    CHECK_FALSE(asked->request.aud_is_array);
    CHECK_FALSE(asked->request.scope);
    CHECK_FALSE(asked->request.ttl);
    CHECK_FALSE(asked->request.policy_hash_b64u);
    CHECK(asked->request.claims.empty());
}

TEST_CASE("mapped request: the nonce is the hash of the request, whatever its layout", "[policy]") {
    const auto asked = parse_mapped_request(kGood);
    const auto other = parse_mapped_request(
        R"({ "request" : { "aud":"clawproxy.com",  "sub":"did:key:z\u0041" }, "id_token":"d" })");
    CHECK(asked.value().nonce ==
          crypto::sha256_b64u(R"({"aud":"clawproxy.com","sub":"did:key:zA"})"));
    CHECK(other.value().nonce == asked.value().nonce);
    CHECK(
        parse_mapped_request(
            R"({"id_token":"d","request":{"sub":"did:key:zA","aud":"clawproxy.com","ttl_sec":1}})")
            .value()
            .nonce != asked.value().nonce);
}

TEST_CASE("mapped request: the two bodies of POST /v1/tokens are told apart", "[policy]") {
    const auto is_mapped = [](std::string_view body) {
        return policy::is_mapped_request(claw::parse_json(body, claw::JsonRules::door).value());
    };
    CHECK(is_mapped(kGood));
    CHECK(is_mapped(R"({"id_token":null})"));
    CHECK_FALSE(is_mapped(R"({"claims":{}})"));
    CHECK_FALSE(is_mapped("[\"id_token\"]"));
    CHECK_FALSE(is_mapped("\"id_token\""));
}

TEST_CASE("mapped request: what is no request is refused by its rule", "[policy]") {
    for (const std::string_view bad : {
             "",
             "[]",
             "{}",
             R"({"id_token":"a"})",
             R"({"id_token":1,"request":{}})",
             R"({"id_token":"a","request":[]})",
             R"({"id_token":"a","request":null})",
             R"({"id_token":"a","request":{"sub":"a","aud":"b"},"claims":{}})",
             R"({"id_token":"a","id_token":"b","request":{"sub":"a","aud":"b"}})",
             R"({"id_token":"a","request":{"sub":"a","sub":"c","aud":"b"}})",
             R"({"id_token":"a","request":{"sub":"\ud800","aud":"b"}})",
             R"({"id_token":"a","request":{"sub":"a","aud":"b","spend_cap":NaN}})",
             R"({"id_token":"a","request":{"sub":"a","aud":"b","spend_cap":1e999}})",
             R"({"id_token":"a","request":{"sub":"a","aud":"b","spend_cap":-1}})",
             R"({"id_token":"a","request":{"sub":"a","aud":"b","owner_did":1}})",
             R"({"id_token":"a","request":{"sub":"a","aud":"b","delegation_expires_at":"1"}})",
         }) {
        INFO(bad);
        CHECK(rule_of(bad) == "request.form");
    }
    CHECK(parse_mapped_request("{").error().code == ErrorCode::malformed_json);
    std::string scopes = "\"tool:t\"";
    for (int i = 0; i < 64; ++i) {
        scopes.append(",\"tool:t" + std::to_string(i) + "\"");
    }
    const auto many = parse_mapped_request(
        R"({"id_token":"a","request":{"sub":"a","aud":"b","scope":[)" + scopes + "]}}");
    CHECK(many.error().code == ErrorCode::scope_too_large);
    CHECK(many.error().rule == "request.scope");
    CHECK(many.error().field == "request.scope");
}

TEST_CASE("narrow request: everything may be left as it is, nothing else may be said", "[policy]") {
    const auto same = parse_narrow_request(R"({"cst":"x","request":{}})");
    REQUIRE(same.ok());
    CHECK_FALSE(same->aud);
    CHECK_FALSE(same->scope);
    CHECK(parse_narrow_request(R"({"cst":"x","request":{"scope":["tool:a"],"ttl_sec":5}})")
              .value()
              .ttl == std::chrono::seconds(5));
    for (const std::string_view bad :
         {R"({"cst":"x"})", R"({"request":{}})", R"({"cst":"x","request":{"sub":"a"}})",
          R"({"cst":"x","request":{"token_lane":"canonical"}})",
          R"({"cst":"x","request":{"owner_did":"did:key:z"}})", R"({"cst":" ","request":{}})"}) {
        INFO(bad);
        CHECK(parse_narrow_request(bad).error().rule == "request.form");
    }
    CHECK_FALSE(
        parse_narrow_request(R"({"cst":")" + std::string(49'153, 'a') + R"(","request":{}})").ok());
}

TEST_CASE("decision request: a call, with its tool and its host", "[policy]") {
    const auto asked = parse_decision_request(
        R"({"cst":"x","provider":"openai","model":"gpt-4o","tool":"okta.users.read","host":"api.okta.com"})");
    REQUIRE(asked.ok());
    CHECK(asked->call.tool == "okta.users.read");
    CHECK(asked->call.host == "api.okta.com");
    CHECK(parse_decision_request(R"({"cst":"x","provider":"p","model":"m"})").ok());
    for (const std::string_view bad :
         {R"({"cst":"x","provider":"p"})", R"({"cst":"x","provider":"p","model":"m","tool":null})",
          R"({"cst":"x","provider":"p","model":"m\n"})",
          R"({"cst":"x","provider":"p","model":"m","host":"a:1"})",
          R"({"cst":"x","provider":"p","model":" m"})"}) {
        INFO(bad);
        CHECK(parse_decision_request(bad).error().rule == "request.form");
    }
}
