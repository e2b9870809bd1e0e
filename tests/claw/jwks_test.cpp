#include "claw/jwks.h"

#include "support/software_key.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using crypto::Algorithm;
using tests::SoftwareKey;

TEST_CASE("jwks: prints the golden key as the ecosystem does", "[claw]") {
    const std::vector keys{SoftwareKey::golden().public_key()};
    CHECK(
        claw::jwks_text(keys) ==
        R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",)"
        R"("kid":"21fe31dfa154a261","alg":"EdDSA","use":"sig","ext":true}]})");
}

TEST_CASE("jwks: reads back keys of both algorithms, and an empty set", "[claw]") {
    const std::vector keys{SoftwareKey::random(Algorithm::p256).public_key(),
                           SoftwareKey::random(Algorithm::ed25519).public_key()};
    CHECK(claw::parse_jwks(claw::jwks_text(keys)).value() == keys);
    CHECK(claw::parse_jwks(R"({"keys":[]})").value().empty());
}

TEST_CASE("jwks: a set with one bad key is refused whole, by name", "[claw]") {
    const std::string good = claw::jwks_text(std::vector{SoftwareKey::golden().public_key()});
    const auto bent = [&](const std::string& from, const std::string& to) {
        std::string text = good;
        text.replace(text.find(from), from.size(), to);
        return claw::parse_jwks(text);
    };
    CHECK_THAT(bent("21fe31dfa154a261", "21fe31dfa154a262").error().message,
               Catch::StartsWith("keys[0]"));
    CHECK_FALSE(bent("Ed25519", "Ed448").ok());
    CHECK_FALSE(bent("EdDSA", "none").ok());
    CHECK_FALSE(bent("11qYAYK", "11qYAY").ok());
    CHECK_FALSE(bent("\"sig\"", "\"enc\"").ok());
    CHECK_FALSE(bent("\"ext\"", "\"d\"").ok());
    CHECK_FALSE(claw::parse_jwks("{}").ok());
    CHECK_FALSE(claw::parse_jwks("[]").ok());
}
