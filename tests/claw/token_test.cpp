#include "claw/token.h"

#include "claw/json_reader.h"
#include "claw/token_request.h"
#include "crypto/digest.h"
#include "crypto/key_forms.h"
#include "support/software_key.h"
#include "support/vectors.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using claw::Token;
using claw::TokenGrant;
using claw::TokenLane;
using tests::SoftwareKey;
using tests::text_of;

namespace {

std::vector<claw::JsonValue> issued_rows() {
    std::vector<claw::JsonValue> rows;
    const auto file = tests::vector_file("cst_golden.json");
    for (const auto& row : file.at("issuance").as_array()) {
        if (row.at("status").as_double() == 200) {
            rows.push_back(row);
        }
    }
    return rows;
}

/// What clawscope was asked, as our door is asked. Its canonical endpoint adds the hash of the
/// policy its control plane holds; ours is told.
std::string our_request(const claw::JsonValue& row) {
    auto claims = row.at("request").as_object();
    const auto issued =
        claw::parse_json(text_of(row, "claims_json"), claw::JsonRules::door).value();
    if (const auto* hash = issued.as_object().if_contains("control_plane_policy_hash_b64u")) {
        claims["control_plane_policy_hash_b64u"] = *hash;
    }
    std::string body = R"({"claims":)";
    claw::append_json(body, claims);
    return body + "}";
}

/// The token clawscope made of a row, with its clock and its sequence of UUIDs.
Token golden_token(const claw::JsonValue& row) {
    const auto request = claw::parse_token_request(our_request(row)).value();
    Token token;
    token.grant = request.grant;
    token.iat = static_cast<std::int64_t>(row.at("now_ms").as_double()) / 1000;
    token.exp = token.iat + request.ttl.value_or(600);
    token.jti = "00000000-0000-4000-8000-000000000001";
    token.nonce = "00000000-0000-4000-8000-000000000002";
    return token;
}

TokenGrant grant_of(const claw::JsonValue& claims) {
    claw::JsonReader in(claims, "");
    return claw::read_token_grant(in);
}

}  // namespace

TEST_CASE("token: clawscope's tokens come out byte for byte", "[claw]") {
    const SoftwareKey key = SoftwareKey::golden();
    const auto signer = crypto::identity_of(key.public_key());
    const auto rows = issued_rows();
    REQUIRE(rows.size() >= 2);
    for (const auto& row : rows) {
        const auto made = claw::UnsignedToken::of(golden_token(row), signer).value();
        CHECK(made.claims() == text_of(row, "claims_json"));
        CHECK(made.scope_hash() == text_of(row, "token_scope_hash_b64u"));
        const std::string token = made.text(key.sign(made.input().bytes()));
        CHECK(token == text_of(row, "token"));
        CHECK(base::hex_encode(crypto::sha256(token)) == text_of(row, "token_hash"));
        CHECK(signer.kid == text_of(row, "kid"));
    }
}

TEST_CASE("token: the scope hash is that of the ecosystem", "[claw]") {
    for (const std::string& line : tests::vector_lines("scope_hash_vectors.ndjson")) {
        INFO(line);
        const auto row = claw::parse_json(line, claw::JsonRules::door);
        if (line.find("\\ud800") != std::string::npos) {
            CHECK(row.error().code == ErrorCode::malformed_json);
            continue;
        }
        const auto& claims = row.value().at("claims");
        const auto* expires = claims.as_object().if_contains("delegation_expires_at");
        TokenGrant grant = grant_of(claims);
        if (expires != nullptr && expires->as_double() == 0) {
            grant.delegation_expires_at = 0;  // refused at the door, but it has a hash
        }
        CHECK(claw::token_scope_hash(grant) == text_of(row.value(), "hash"));
    }
}

TEST_CASE("token: a P-256 key's header says ES256", "[claw]") {
    const SoftwareKey key = SoftwareKey::random(crypto::Algorithm::p256);
    Token token;
    token.grant.sub = "a";
    token.grant.aud = {"b"};
    token.grant.scope = {"c"};
    const auto made = claw::UnsignedToken::of(token, crypto::identity_of(key.public_key())).value();
    const std::string text = made.text(key.sign(made.input().bytes()));
    const auto header = base::base64url_decode(text.substr(0, text.find('.'))).value();
    CHECK_THAT(std::string(header.begin(), header.end()),
               Catch::StartsWith(R"({"alg":"ES256","typ":"JWT","kid":")"));
}

TEST_CASE("token: a DID is what every service of the ecosystem takes", "[claw]") {
    for (const std::string_view good : {"did:key:z6Mk", "did:web:a.b%3A8080", "did:x1:_"}) {
        CHECK(claw::is_did(good));
    }
    for (const std::string_view bad : {"", "did", "did:key", "did:key:", "did::x", "did:KEY:x",
                                       "did:key:a:b", "did:key:a b", "DID:key:a", " did:key:a"}) {
        INFO(bad);
        CHECK_FALSE(claw::is_did(bad));
    }
}
