#include "service/issue_token.h"

#include "claw/token_verify.h"
#include "support/software_appliance.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using tests::SoftwareAppliance;

namespace {

Result<service::IssuedToken> issue(const SoftwareAppliance& on, const std::string& more = "") {
    const auto request = claw::parse_token_request(
        R"({"claims":{"sub":"did:key:zA","aud":"x","scope":["s"])" + more + "}}");
    return tests::recorded(on,
                           service::issue_token(on.appliance, {"issuer", 1001}, request.value()));
}

claw::TokenVerdict verdict(const SoftwareAppliance& on, const std::string& token) {
    return claw::verify_token(token, {{on.token_key()}, on.clock.now(), std::nullopt});
}

std::int64_t now(const SoftwareAppliance& on) {
    return std::chrono::floor<std::chrono::seconds>(on.clock.now().time_since_epoch()).count();
}

}  // namespace

TEST_CASE("issue token: fills in what is ours, and what it makes verifies", "[service]") {
    const SoftwareAppliance on;
    const auto issued = issue(on).value();
    const auto result = verdict(on, issued.token);
    REQUIRE(result.token.has_value());
    CHECK(result.token->iat == now(on));
    CHECK(result.token->exp == now(on) + 600);
    CHECK(result.token->jti != result.token->nonce);
    CHECK(claw::token_hash(result.text) == issued.token_hash);
    CHECK(result.kid == issued.kid);
    CHECK(claw::token_scope_hash(result.token->grant) == issued.scope_hash);
    CHECK(issue(on)->token != issued.token);
}

TEST_CASE("issue token: a short ceiling shortens the default, and refuses what asks for more",
          "[service]") {
    SoftwareAppliance on;
    on.set_ceiling({std::chrono::seconds(60), policy::NameSet({"*"}), policy::NameSet({"*"})});
    CHECK(verdict(on, issue(on)->token).token->exp == now(on) + 60);
    CHECK(issue(on, R"(,"ttl_sec":61)").error().rule == "ceiling.ttl");
    CHECK(issue(on, R"(,"ttl_sec":9007199254740991)").error().rule == "ceiling.ttl");
    CHECK(issue(on, R"(,"exp":9007199254740991)").error().rule == "ceiling.ttl");
}

TEST_CASE("issue token: refuses an end that is past and expectations that are not met",
          "[service]") {
    const SoftwareAppliance on;
    const std::string time = std::to_string(now(on));
    CHECK(issue(on, R"(,"exp":)" + time).error().field == "claims.exp");
    CHECK(issue(on, R"(,"iat":)" + time).ok());
    CHECK(issue(on, R"(,"iat":1)").error().field == "claims.iat");
    CHECK(issue(on, R"(,"token_scope_hash_b64u":")" + issue(on)->scope_hash + "\"").ok());
    CHECK(issue(on, R"(,"token_scope_hash_b64u":"RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o")")
              .error()
              .field == "claims.token_scope_hash_b64u");
}

TEST_CASE("issue token: a delegation that is over is not passed on", "[service]") {
    const SoftwareAppliance on;
    const auto delegated = [&](std::int64_t expires) {
        return issue(
            on,
            R"(,"owner_did":"did:key:zO","controller_did":"did:key:zC","delegation_expires_at":)" +
                std::to_string(expires));
    };
    CHECK(delegated(now(on) + 1).ok());
    CHECK(delegated(now(on)).error().field == "claims.delegation_expires_at");
}

TEST_CASE("issue token: without a ceiling, or without a good key, nothing is issued", "[service]") {
    SoftwareAppliance on;
    on.backend.corrupt_signatures(true);
    CHECK(issue(on).error().code == ErrorCode::key_quarantined);
    on.backend.corrupt_signatures(false);
    on.set_ceiling({std::chrono::seconds(1), {}, {}});
    CHECK(issue(on).error().code == ErrorCode::policy_denied);
}

TEST_CASE("issue token: P-256 tokens verify, too", "[service]") {
    const SoftwareAppliance on(crypto::Algorithm::p256);
    CHECK(verdict(on, issue(on)->token).verdict.valid());
}
