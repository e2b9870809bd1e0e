#include "policy/id_token.h"

#include "support/vectors.h"

#include <catch2/catch.hpp>

#include <set>

using namespace clawsigner;
using claw::JsonValue;
using policy::OidcTrust;
using policy::verify_id_token;

namespace {

// What python3-jwcrypto signed: tests/oracle/make_id_tokens.py.
const JsonValue& document() {
    static const JsonValue vectors = tests::vector_file("id_tokens.json");
    return vectors;
}

std::int64_t now() {
    return static_cast<std::int64_t>(document().get_object().at("now").get_double());
}

std::string nonce() {
    return tests::text_of(document(), "nonce");
}

OidcTrust trust(std::string_view name) {
    const JsonValue& trusts = document().get_object().at("trusts");
    return policy::parse_oidc_trust(claw::json_text(trusts.get_object().at(name))).value();
}

std::string token_of(const JsonValue& row) {
    std::string token = tests::text_of(row, "token");
    if (const JsonValue* pad = row.get_object().if_contains("pad")) {
        token.append(static_cast<std::size_t>(pad->get_double()), 'A');
    }
    return token;
}

OidcTrust trust_of(const JsonValue& row) {
    return trust(row.get_object().contains("trust") ? tests::text_of(row, "trust") : "okta");
}

const JsonValue& row_named(std::string_view name) {
    for (const JsonValue& row : document().get_object().at("tokens").get_array()) {
        if (tests::text_of(row, "name") == name) {
            return row;
        }
    }
    FAIL("no such row");
    std::abort();
}

std::vector<std::string> texts(const JsonValue& list) {
    std::vector<std::string> out;
    for (const JsonValue& each : list.get_array()) {
        out.emplace_back(each.get_string());
    }
    return out;
}

}  // namespace

TEST_CASE("id token: what jwcrypto signed is judged by the rule it should be", "[policy]") {
    std::set<std::string> rules;
    for (const JsonValue& row : document().get_object().at("tokens").get_array()) {
        INFO(tests::text_of(row, "name"));
        const std::string rule = tests::text_of(row, "rule");
        const auto token = verify_id_token(trust_of(row), token_of(row), now(), nonce());
        CHECK((token.ok() ? "" : std::string(token.error().rule)) == rule);
        rules.insert(rule);
        if (!token.ok()) {
            CHECK(token.error().code == ErrorCode::policy_denied);
            CHECK(token.error().field == "id_token");
            CHECK(token.error().message.size() < 600);
            continue;
        }
        CHECK(token->issuer == "https://acme.okta.com/oauth2/default");
        CHECK(token->subject == "00u1alice");
        if (const JsonValue* groups = row.get_object().if_contains("groups")) {
            CHECK(token->groups == texts(*groups));
        }
        if (row.get_object().contains("use_key_of")) {
            const auto same =
                verify_id_token(trust("okta"), tests::text_of(row, "use_key_of"), now(), "");
            CHECK(same.value().use_key == token->use_key);
            CHECK(same.value().digest != token->digest);
        }
    }
    CHECK(rules.size() == 17);
}

TEST_CASE("id token: one use is counted by jti, or by what was signed", "[policy]") {
    const auto with =
        verify_id_token(trust("okta"), token_of(row_named("a token of RS256")), now(), "");
    const auto es =
        verify_id_token(trust("okta"), token_of(row_named("a token of ES256")), now(), "");
    const auto none =
        verify_id_token(trust("okta"), token_of(row_named("without a jti")), now(), "");
    CHECK(with.value().use_key == es.value().use_key);  // the issuer says it is the same login
    CHECK(none.value().use_key != with.value().use_key);
    CHECK(none.value().use_key.size() == 43);
    CHECK(policy::hashed_subject(*with).size() == 43);
}

TEST_CASE("id token: after its last second no clock takes it any more", "[policy]") {
    for (const std::string_view in_its_last_second : {"300 s old", "expired 59 s ago"}) {
        INFO(in_its_last_second);
        const std::string text = token_of(row_named(in_its_last_second));
        CHECK(verify_id_token(trust("okta"), text, now(), "").ok());
        CHECK_FALSE(verify_id_token(trust("okta"), text, now() + 1, "").ok());
        CHECK_FALSE(verify_id_token(trust("okta"), text, now() + 1'000'000, "").ok());
    }
}

TEST_CASE("id token: no byte of it can be changed", "[policy]") {
    for (const std::string_view name :
         {"a token of RS256", "a token of PS256", "a token of ES256", "a token of EdDSA"}) {
        const std::string good = token_of(row_named(name));
        const OidcTrust okta = trust("okta");
        for (std::size_t i = 0; i < good.size(); i += 7) {
            std::string bad = good;
            bad[i] = bad[i] == 'A' ? 'B' : 'A';
            INFO(name << " at " << i);
            CHECK((bad == good || !verify_id_token(okta, bad, now(), "").ok()));
        }
        for (std::size_t size = 0; size < good.size(); size += 11) {
            CHECK_FALSE(verify_id_token(okta, good.substr(0, size), now(), "").ok());
        }
    }
}

TEST_CASE("id token: a trust that wants a nonce never takes an empty one", "[policy]") {
    const std::string text = token_of(row_named("the nonce of this request"));
    CHECK(verify_id_token(trust("nonce"), text, now(), nonce()).ok());
    CHECK(verify_id_token(trust("nonce"), text, now(), "").error().rule == "oidc.nonce");
    OidcTrust none = trust("okta");
    none.keys.clear();
    CHECK(verify_id_token(none, text, now(), "").error().rule == "oidc.kid");
}

TEST_CASE("oidc key set: which keys are kept, and which sets are refused", "[claw]") {
    for (const JsonValue& row : document().get_object().at("jwks").get_array()) {
        INFO(tests::text_of(row, "name"));
        const auto keys = claw::parse_oidc_jwks(claw::json_text(row.get_object().at("jwks")));
        const JsonValue& kids = row.get_object().at("kids");
        REQUIRE(keys.ok() == kids.is_array());
        if (!keys.ok()) {
            CHECK(keys.error().rule == "trust.form");
            CHECK(keys.error().code == ErrorCode::invalid_field);
            continue;
        }
        std::vector<std::string> kept;
        for (const auto& key : *keys) {
            kept.push_back(key.kid);
        }
        CHECK(kept == texts(kids));
        const std::string text = claw::oidc_jwks_text(*keys);
        CHECK(claw::parse_oidc_jwks(text).value() == *keys);
        CHECK(claw::canonical_json_text(claw::parse_json(text, claw::JsonRules::door).value()) ==
              text);
    }
    CHECK(claw::parse_oidc_jwks(std::string(65'537, ' ')).error().code == ErrorCode::too_large);
    CHECK(claw::parse_oidc_jwks("{}").error().rule == "trust.form");
    CHECK(claw::parse_oidc_jwks("").error().rule == "trust.form");
}

TEST_CASE("oidc trust: its text is canonical and reads back", "[policy]") {
    for (const std::string_view name : {"okta", "nonce", "roles"}) {
        const OidcTrust read = trust(name);
        const std::string text = policy::oidc_trust_text(read);
        CHECK(policy::parse_oidc_trust(text).value() == read);
        CHECK(claw::canonical_json_text(claw::parse_json(text, claw::JsonRules::door).value()) ==
              text);
    }
    CHECK(trust("roles").groups_claim == "roles");
    CHECK(trust("okta").groups_claim == "groups");
    CHECK_FALSE(trust("okta").require_nonce);
}

TEST_CASE("oidc trust: what is not whole is refused", "[policy]") {
    const std::string good = policy::oidc_trust_text(trust("okta"));
    const auto refused = [&](std::string_view from, std::string_view to) {
        std::string text = good;
        text.replace(text.find(from), from.size(), to);
        const auto read = policy::parse_oidc_trust(text);
        return !read.ok() && read.error().rule == "trust.form";
    };
    CHECK(refused("https://", "http://"));
    CHECK(refused(R"("audience":"0oa1clawsigner",)", ""));
    CHECK(refused(R"("0oa1clawsigner")", R"(" ")"));
    CHECK(refused(R"("0oa1clawsigner")", R"("a\u0000")"));
    CHECK(refused(R"("require_nonce":false)", R"("require_nonce":0)"));
    CHECK(refused(R"("v":1)", R"("v":2)"));
    CHECK(refused(R"("v":1)", R"("x":1)"));
    CHECK(refused(R"("jwks":)", R"("jwk":)"));
    CHECK(refused(R"("groups_claim":"groups")", R"("groups_claim":null)"));
    CHECK(refused(R"("kty":"RSA")", R"("kty":"RSA","d":"AA")"));
    CHECK(policy::parse_oidc_trust(std::string(65'537, ' ')).error().code == ErrorCode::too_large);
}
