#include "claw/leaf.h"
#include "claw/token_verify.h"
#include "service/decide_call.h"
#include "service/issue_token.h"
#include "service/receipt_grounds.h"
#include "support/software_appliance.h"
#include "support/vectors.h"

#include <catch2/catch.hpp>

#include <thread>

using namespace clawsigner;
using claw::JsonValue;
using tests::SoftwareAppliance;

namespace {

const claw::LeafCaller kIssuer{"issuer", 1001};
const service::Doing kByAdmin{claw::LeafCaller{"admin", 0}, std::nullopt, std::nullopt, {}};
constexpr const char* kMapping =
    R"({"scope_mappings":[{"okta_group":"platform-engineers","cst_claims":{"allowed_tools":["github"],)"
    R"("allowed_models":["gpt-4o"],"egress_allowlist":["api.github.com"],"max_ttl_seconds":300}}]})";

const JsonValue& vectors() {
    static const JsonValue document = tests::vector_file("id_tokens.json");
    return document;
}

/// An ID token that jwcrypto signed, at the time the clock of the appliance shows.
std::string id_token(std::string_view name = "a token of RS256") {
    for (const JsonValue& row : vectors().get_object().at("tokens").get_array()) {
        if (tests::text_of(row, "name") == name) {
            return tests::text_of(row, "token");
        }
    }
    FAIL("no such ID token");
    std::abort();
}

/// An appliance that believes the identity provider of the vectors.
struct OktaAppliance : SoftwareAppliance {
    OktaAppliance() {
        const auto now = vectors().get_object().at("now").get_double();
        clock.set(UnixMillis(std::chrono::milliseconds(static_cast<std::int64_t>(now) * 1000)));
        const JsonValue& trust = vectors().get_object().at("trusts").get_object().at("okta");
        const auto parsed = policy::parse_oidc_trust(claw::json_text(trust)).value();
        REQUIRE(policies->set_oidc(kByAdmin, policy::oidc_trust_text(parsed)).ok());
        REQUIRE(
            policies->set_mapping(kByAdmin, policy::ScopeMapping::parse(kMapping)->text()).ok());
    }
};

policy::TokenRequestBody body(const std::string& token, const std::string& more = "") {
    return policy::parse_mapped_request(R"({"id_token":")" + token +
                                        R"(","request":{"sub":"did:key:zA","aud":"clawproxy.com")" +
                                        more + "}}")
        .value();
}

Result<service::IssuedToken> issue(const SoftwareAppliance& on, const std::string& more = "",
                                   const std::string& token = id_token()) {
    return tests::recorded(on,
                           service::issue_mapped_token(on.appliance, kIssuer, body(token, more)));
}

Result<service::Decided> decide(const SoftwareAppliance& on, const std::string& cst,
                                const std::string& more = "") {
    const std::string text =
        R"({"cst":")" + cst + R"(","provider":"openai","model":"gpt-4o")" + more + "}";
    const auto request = policy::parse_decision_request(text);
    REQUIRE(request.ok());
    return service::decide_call(on.appliance, tests::kCaller, *request, text);
}

Result<service::Made<service::SignedReceipt>> made_receipt(const SoftwareAppliance& on,
                                                           const std::string& more) {
    const auto request = claw::parse_receipt_request(
        R"({"provider":"openai","model":"gpt-4o","request_hash_b64u":"RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o",)"
        R"("response_hash_b64u":"RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o","tokens_input":1,"tokens_output":2,"latency_ms":3)" +
            more + "}",
        false);
    REQUIRE(request.ok());
    return service::sign_receipt(on.appliance, tests::kCaller, *request);
}

Result<service::SignedReceipt> receipt(const SoftwareAppliance& on, const std::string& more) {
    return tests::recorded(on, made_receipt(on, more));
}

}  // namespace

TEST_CASE("mapped token: holds what the user's groups give, and verifies", "[service]") {
    const OktaAppliance on;
    const auto issued = issue(on).value();
    const auto result =
        claw::verify_token(issued.token, {{on.token_key()}, on.clock.now(), "clawproxy.com"});
    REQUIRE(result.token.has_value());
    CHECK(result.token->grant.scope == std::vector<std::string>{"proxy:call",
                                                                "egress:api.github.com",
                                                                "model:gpt-4o", "tool:github"});
    CHECK(result.token->exp - result.token->iat == 300);
}

TEST_CASE("mapped token: an ID token is good for one, also when eight ask at once", "[service]") {
    const OktaAppliance on;
    std::atomic<int> given{0};
    std::atomic<int> replayed{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            const auto issued = issue(on);
            given += issued.ok() ? 1 : 0;
            replayed += !issued.ok() && issued.error().rule == "oidc.replayed" ? 1 : 0;
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(given == 1);
    CHECK(replayed == 7);
    CHECK(issue(on).error().rule == "oidc.replayed");
    CHECK(issue(on, "", id_token("a token of ES256")).error().rule == "oidc.replayed");  // same jti
    CHECK(issue(on, "", id_token("without a jti")).ok());
}

TEST_CASE("mapped token: nothing is spent by what is refused", "[service]") {
    const OktaAppliance on;
    CHECK(issue(on, R"(,"scope":["tool:terraform"])").error().rule == "mapping.scope");
    CHECK(issue(on, R"(,"ttl_sec":301)").error().rule == "mapping.ttl");
    CHECK(issue(on).ok());
}

TEST_CASE("mapped token: a clock that is put back gives an old login no second life", "[service]") {
    OktaAppliance on;
    on.clock.advance(std::chrono::minutes(6));
    CHECK(issue(on).error().rule == "oidc.too_old");
    on.clock.advance(-std::chrono::minutes(6));
    CHECK(issue(on).error().rule == "oidc.too_old");
    CHECK(on.time.behind() == std::chrono::minutes(6));
    on.clock.advance(std::chrono::minutes(6));
    CHECK(on.time.behind() == std::chrono::minutes(0));
}

TEST_CASE("mapped token: without trust or a mapping there is none", "[service]") {
    const SoftwareAppliance on;
    CHECK(issue(on).error().rule == "oidc.not_configured");
}

TEST_CASE("claims: are refused where issuers are not taken at their word", "[service]") {
    const SoftwareAppliance on;
    REQUIRE(on.policies->set_trust(kByAdmin, "claims_mode", "false").ok());
    const auto request = claw::parse_token_request(
        R"({"claims":{"sub":"did:key:zA","aud":"clawproxy.com","scope":["s"]}})");
    CHECK(service::issue_token(on.appliance, kIssuer, *request).error().rule == "claims.off");
}

TEST_CASE("claims: a contract that is not known here is in no token", "[service]") {
    const SoftwareAppliance on;
    const auto request = claw::parse_token_request(
        R"({"claims":{"sub":"did:key:zA","aud":"clawproxy.com","scope":["s"],"policy_hash_b64u":"RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o"}})");
    CHECK(service::issue_token(on.appliance, kIssuer, *request).error().rule == "pin.unknown");
}

TEST_CASE("decision: a call within the token's scopes is allowed, and its receipt names both",
          "[service]") {
    const OktaAppliance on;
    const auto token = issue(on).value();
    const auto decided = decide(on, token.token, R"(,"tool":"github","host":"api.github.com")");
    REQUIRE(decided.ok());
    CHECK(decided->rule == "call.allowed");
    REQUIRE(decided->decision_id.has_value());
    CHECK(decided->token_scope_hash == token.scope_hash);
    const auto made = receipt(
        on, R"(,"cst":")" + token.token + R"(","decision_id":")" + *decided->decision_id + R"(")");
    REQUIRE(made.ok());
    CHECK(made->envelope.find(R"("token_scope_hash_b64u":")" + token.scope_hash + R"(")") !=
          std::string::npos);
}

TEST_CASE("decision: a call outside of them is not, and has no receipt", "[service]") {
    const OktaAppliance on;
    const auto token = issue(on).value();
    CHECK(decide(on, token.token, R"(,"tool":"terraform")")->rule == "call.tool");
    CHECK(decide(on, token.token, R"(,"host":"evil.com")")->rule == "call.egress");
    CHECK(decide(on, "e30.e30.AA")->rule == "token.invalid");
    const auto less = decide(on, token.token).value();
    CHECK(receipt(on, R"(,"cst":"e30.e30.AA")").error().rule == "token.invalid");
    CHECK(receipt(on, R"(,"cst":")" + token.token + R"(","decision_id":"e30.AA")").error().rule ==
          "decision.invalid");
    const auto other = issue(on, "", id_token("without a jti")).value();
    CHECK(receipt(on,
                  R"(,"cst":")" + other.token + R"(","decision_id":")" + *less.decision_id + R"(")")
              .error()
              .rule == "decision.mismatch");
}

TEST_CASE("decision: what was allowed has its receipt after the token's end, and nothing else",
          "[service]") {
    OktaAppliance on;
    const auto token = issue(on, R"(,"ttl_sec":60)").value();
    const auto decided = decide(on, token.token).value();
    on.clock.advance(std::chrono::seconds(120));
    CHECK(decide(on, token.token)->rule == "token.expired");
    const std::string cst = R"(,"cst":")" + token.token + R"(")";
    CHECK(receipt(on, cst).error().rule == "token.expired");
    CHECK(receipt(on, cst + R"(,"decision_id":")" + *decided.decision_id + R"(")").ok());
    on.clock.advance(std::chrono::seconds(301));
    CHECK(receipt(on, cst + R"(,"decision_id":")" + *decided.decision_id + R"(")").error().rule ==
          "decision.expired");
}

TEST_CASE("receipt: a clock that is put back gives an ended token no second life", "[service]") {
    OktaAppliance on;
    const auto token = issue(on, R"(,"ttl_sec":60)").value();
    const auto decided = decide(on, token.token).value();
    const std::string cst = R"(,"cst":")" + token.token + R"(")";
    on.clock.advance(std::chrono::seconds(120));
    CHECK(receipt(on, cst).error().rule == "token.expired");
    on.clock.advance(-std::chrono::seconds(120));
    CHECK(receipt(on, cst).error().rule == "token.expired");

    const auto late = made_receipt(on, cst + R"(,"decision_id":")" + *decided.decision_id + R"(")");
    REQUIRE(late.ok());
    CHECK_THAT(claw::leaf_text({on.clock.now(), late->entry.items.front().leaf}),
               Catch::Contains(R"("after_expiry":true)"));
}

TEST_CASE("presented token: many large ones push the oldest out of memory", "[service]") {
    const OktaAppliance on;
    const auto first = service::issue_mapped_token(on.appliance, kIssuer, body(id_token())).value();
    const auto knows_first = [&] {
        return on.presented->verify(first.artefact.token, on.clock.now()).ok();
    };
    REQUIRE(knows_first());  // without a leaf: only because it is known
    constexpr std::size_t kFit = service::PresentedTokens::kMaxKnownBytes / claw::kMaxTokenBytes;
    const auto note_large = [&](std::size_t number) {
        std::string text(claw::kMaxTokenBytes, 'x');
        text.replace(0, 8, std::to_string(10'000'000 + number));
        on.presented->note_issued(text, {}, first.artefact.kid);
    };
    for (std::size_t i = 0; i < kFit; ++i) {
        note_large(i);
    }
    CHECK(knows_first());
    note_large(kFit);
    CHECK_FALSE(knows_first());
}

TEST_CASE("presented token: one that a key of ours signed without a leaf is none", "[service]") {
    const OktaAppliance on;
    auto made = service::issue_mapped_token(on.appliance, kIssuer, body(id_token())).value();
    service::PresentedTokens another(*on.ledger, *on.lifecycle);  // as after a restart
    CHECK(another.verify(made.artefact.token, on.clock.now()).error().rule == "token.unrecorded");
}

TEST_CASE("presented token: one made since the start is known as it reads", "[service]") {
    const OktaAppliance on;
    const auto issued = issue(on).value();
    const auto known = on.presented->verify(issued.token, on.clock.now()).value();
    claw::TokenTrust trust;
    trust.keys = {on.token_key()};
    const auto read = claw::verify_token(issued.token, trust);
    REQUIRE(read.token);
    CHECK(known->scope_hash == read.scope_hash);
    CHECK(known->scope_hash == claw::token_scope_hash(known->token.grant));
    CHECK(known->sha256 == crypto::sha256_b64u(issued.token));
    CHECK(known->token.exp == read.token->exp);
    CHECK(known->token.jti == read.token->jti);
    CHECK(known->token.grant.aud == read.token->grant.aud);
    CHECK(known->token.grant.scope == read.token->grant.scope);
    CHECK(known->token.grant.policy_hash_b64u == read.token->grant.policy_hash_b64u);
    std::string changed = issued.token;
    changed.back() = changed.back() == 'A' ? 'B' : 'A';
    CHECK(on.presented->verify(changed, on.clock.now()).error().rule == "token.invalid");
}

TEST_CASE("presented token: stays what it is when a key of another family comes", "[service]") {
    const OktaAppliance on;
    const auto issued = issue(on).value();
    REQUIRE(on.lifecycle->freeze(kByAdmin, crypto::Family::work_policy).ok());
    const auto known = on.presented->verify(issued.token, on.clock.now());
    REQUIRE(known.ok());
    CHECK((*known)->kind == policy::TokenKind::mapped);
}

TEST_CASE("presented token: is none any more once its key is compromised", "[service]") {
    const OktaAppliance on;
    const auto token = issue(on).value();
    CHECK(on.presented->verify(token.token, on.clock.now()).ok());
    CHECK(on.presented->verify(token.token, on.clock.now()).ok());  // as it is known
    REQUIRE(on.lifecycle->compromise(kByAdmin, {crypto::Family::cst, 1}, on.clock.now(), {}).ok());
    CHECK(on.presented->verify(token.token, on.clock.now()).error().rule == "token.invalid");
    CHECK(on.presented->verify(token.token, on.clock.now(), service::PresentedTokens::Keys::past)
              .error()
              .rule == "token.invalid");
}

TEST_CASE("receipt: says of policy and scope what its token says", "[service]") {
    const OktaAppliance on;
    const auto token = issue(on).value();
    const std::string cst = R"(,"cst":")" + token.token + R"(")";
    const std::string hash = "RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o";
    CHECK(receipt(on, cst).ok());
    CHECK(receipt(on, cst + R"(,"binding":{"token_scope_hash_b64u":")" + token.scope_hash + R"("})")
              .ok());
    CHECK(receipt(on, cst + R"(,"binding":{"token_scope_hash_b64u":")" + hash + R"("})")
              .error()
              .rule == "receipt.scope_hash");
    CHECK(receipt(on, cst + R"(,"binding":{"policy_hash":")" + hash + R"("})").error().rule ==
          "receipt.policy_hash");
}

TEST_CASE("receipt: without a token is the word of those who are exempt, and of nothing more",
          "[service]") {
    const OktaAppliance on;
    CHECK(receipt(on, "").ok());
    CHECK(receipt(on, R"(,"binding":{"policy_hash":"RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o"})")
              .error()
              .rule == "receipt.unproven");
    REQUIRE(on.policies->set_trust(kByAdmin, "receipts_without_cst", "").ok());
    CHECK(receipt(on, "").error().rule == "receipt.cst_required");
}

TEST_CASE("narrowed token: may do less, is in the log with its parent, and is of its kind",
          "[service]") {
    const OktaAppliance on;
    const auto token = issue(on).value();
    const auto narrow = [&](const std::string& wanted) {
        const auto request = policy::parse_narrow_request(R"({"cst":")" + token.token +
                                                          R"(","request":{)" + wanted + "}}");
        return tests::recorded(on, service::narrow_token(on.appliance, kIssuer, *request));
    };
    const auto less = narrow(R"("scope":["proxy:call","model:gpt-4o"],"ttl_sec":30)");
    REQUIRE(less.ok());
    CHECK(on.presented->verify(less->token, on.clock.now())->get()->kind ==
          policy::TokenKind::mapped);
    CHECK(decide(on, less->token, R"(,"tool":"github")")->rule == "call.tool");
    CHECK(narrow(R"("scope":["tool:terraform"])").error().rule == "narrow.scope");
    CHECK(narrow(R"("ttl_sec":301)").error().rule == "narrow.ttl");
}
