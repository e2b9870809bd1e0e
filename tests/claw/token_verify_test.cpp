#include "claw/token_verify.h"

#include "support/software_key.h"
#include "support/vectors.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using claw::VerdictCode;
using tests::SoftwareKey;
using tests::text_of;

namespace {

const UnixMillis kIssued{std::chrono::milliseconds(1767225600123)};

claw::JsonValue golden_row(std::size_t index) {
    return tests::vector_file("cst_golden.json").at("issuance").as_array().at(index);
}

std::string golden() {
    return text_of(golden_row(1), "token");
}

claw::TokenTrust trust() {
    return {{SoftwareKey::golden().public_key()}, kIssued, std::nullopt};
}

VerdictCode code(const std::string& token, const claw::TokenTrust& held = trust()) {
    return claw::verify_token(token, held).verdict.code;
}

/// A token of these claims, signed by the golden key: only the claims can be wrong.
std::string signed_claims(
    const std::string& claims,
    const std::string& header = R"({"alg":"EdDSA","typ":"JWT","kid":"21fe31dfa154a261"})") {
    const std::string input = base::base64url_encode(base::as_bytes(header)) + "." +
                              base::base64url_encode(base::as_bytes(claims));
    return input + "." + base::base64url_encode(SoftwareKey::golden().sign(input));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

std::string golden_claims() {
    return text_of(golden_row(1), "claims_json");
}

}  // namespace

TEST_CASE("verify token: clawscope's tokens are valid, and say what they say", "[claw]") {
    CHECK(code(text_of(golden_row(0), "token")) == VerdictCode::valid);
    const auto result = claw::verify_token("\n" + golden() + "\n", trust());
    REQUIRE(result.token.has_value());
    CHECK(result.token->grant.sub == "did:key:zAgent");
    CHECK(result.token->grant.lane == claw::TokenLane::canonical);
    CHECK(claw::token_hash(result.text) == text_of(golden_row(1), "token_hash"));
    CHECK(result.kid == "21fe31dfa154a261");
}

TEST_CASE("verify token: time and audience are held against it", "[claw]") {
    auto held = trust();
    held.audience = "clawproxy.com";
    CHECK(code(golden(), held) == VerdictCode::valid);
    held.audience = "other";
    CHECK(code(golden(), held) == VerdictCode::token_bad_audience);
    held = trust();
    held.at = UnixMillis(std::chrono::seconds(1767229199));
    CHECK(code(golden(), held) == VerdictCode::valid);
    held.at = UnixMillis(std::chrono::seconds(1767229200));
    CHECK(code(golden(), held) == VerdictCode::token_expired);
    held.at = UnixMillis(std::chrono::seconds(1767225300));
    CHECK(code(golden(), held) == VerdictCode::valid);
    held.at = UnixMillis(std::chrono::seconds(1767225299));
    CHECK(code(golden(), held) == VerdictCode::token_invalid_claims);
    held.at = kIssued;
    held.keys.clear();
    CHECK(code(golden(), held) == VerdictCode::dependency_not_configured);
    held.keys = {SoftwareKey::random(crypto::Algorithm::ed25519).public_key()};
    CHECK(code(golden(), held) == VerdictCode::token_unknown_kid);
}

TEST_CASE("verify token: a signature makes no claim true that does not hold", "[claw]") {
    const std::string good = golden_claims();
    CHECK(code(signed_claims(good)) == VerdictCode::valid);
    const auto [from, to, expected] = GENERATE(table<std::string, std::string, VerdictCode>({
        {R"("scope":["proxy:call"])", R"("scope":["proxy:call","more"])",
         VerdictCode::token_scope_hash_mismatch},
        {R"("token_scope_hash_b64u":"0qv6wAS1gH6LUrEo6I-KGIg4-jLWk-BFVCPXsSUuWS0",)", "",
         VerdictCode::token_scope_hash_required},
        {R"("token_version":"1")", R"("token_version":"2")", VerdictCode::token_invalid_claims},
        {R"("jti":)", R"("iss":"x","jti":)", VerdictCode::token_invalid_claims},
        {R"("jti":)", R"("sub":"did:key:zAgent","jti":)", VerdictCode::token_invalid_claims},
        {R"("iat":1767225600)", R"("iat":1767229200)", VerdictCode::token_invalid_claims},
        {R"("iat":1767225600)", R"("iat":"1767225600")", VerdictCode::token_invalid_claims},
        {R"("agent_did":"did:key:zAgent")", R"("agent_did":"did:key:zOther")",
         VerdictCode::token_invalid_claims},
        {R"("owner_did":"did:key:zOwner",)", "", VerdictCode::token_invalid_claims},
        {R"("token_lane":"canonical")", R"("token_lane":"royal")",
         VerdictCode::token_invalid_claims},
    }));
    CHECK(code(signed_claims(replaced(good, from, to))) == expected);
}

TEST_CASE("verify token: a header that says anything else is refused", "[claw]") {
    const auto [header, expected] = GENERATE(table<std::string, VerdictCode>({
        {R"({"alg":"none","typ":"JWT","kid":"21fe31dfa154a261"})",
         VerdictCode::token_unsupported_alg},
        {R"({"alg":"HS256","typ":"JWT","kid":"21fe31dfa154a261"})",
         VerdictCode::token_unsupported_alg},
        {R"({"alg":"ES256","typ":"JWT","kid":"21fe31dfa154a261"})",
         VerdictCode::token_unsupported_alg},
        {R"({"alg":"EdDSA","typ":"JWT","kid":"21fe31dfa154a262"})", VerdictCode::token_unknown_kid},
        {R"({"alg":"EdDSA","typ":"JOSE","kid":"21fe31dfa154a261"})", VerdictCode::token_malformed},
        {R"({"alg":"EdDSA","kid":"21fe31dfa154a261"})", VerdictCode::token_malformed},
        {R"({"alg":"EdDSA","typ":"JWT"})", VerdictCode::token_malformed},
        {R"({"alg":"EdDSA","typ":"JWT","kid":"21fe31dfa154a261","crit":["x"]})",
         VerdictCode::token_malformed},
        {R"(["alg"])", VerdictCode::token_malformed},
    }));
    CHECK(code(signed_claims(golden_claims(), header)) == expected);
}

TEST_CASE("verify token: what is not three parts of strict base64url is no token", "[claw]") {
    const std::string good = golden();
    for (const std::string& bad :
         {std::string(), std::string("x"), good + ".", good + ".x", "." + good, good + "=",
          good.substr(0, good.rfind('.')), replaced(good, ".", ".."), good + " x"}) {
        INFO(bad);
        CHECK(code(bad) == VerdictCode::token_malformed);
    }
    // The last character of 64 bytes holds four spare bits: one spelling of sixteen is right.
    std::string respelled = good;
    respelled.back() = respelled.back() == 'g' ? 'h' : static_cast<char>(respelled.back() + 1);
    CHECK(code(respelled) == VerdictCode::token_malformed);
    CHECK(code(replaced(good, ".uDVSl", ".vDVSl")) == VerdictCode::token_signature_invalid);
}

TEST_CASE("verify token: an answer holds its token only if it agrees with it", "[claw]") {
    const auto row = golden_row(1);
    const std::string good = R"({"token":")" + golden() + R"(","claims":)" + golden_claims() +
                             R"(,"kid":"21fe31dfa154a261","token_hash":")" +
                             text_of(row, "token_hash") + R"(","token_scope_hash_b64u":")" +
                             text_of(row, "token_scope_hash_b64u") + R"("})";
    CHECK(code(good) == VerdictCode::valid);
    CHECK(code(replaced(good, R"("aud":"clawproxy.com")", R"("aud":"evil.com")")) ==
          VerdictCode::token_malformed);
    CHECK(code(replaced(good, R"("token_hash":"a)", R"("token_hash":"b)")) ==
          VerdictCode::token_malformed);
    CHECK(code(replaced(good, R"("kid":"2)", R"("kid":"3)")) == VerdictCode::token_malformed);
    CHECK(code(replaced(good, R"("kid":)", R"("more":1,"kid":)")) == VerdictCode::token_malformed);
}
