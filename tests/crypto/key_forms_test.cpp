#include "crypto/key_forms.h"

#include "support/software_key.h"
#include "support/vectors.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using crypto::Algorithm;
using crypto::PublicKey;
using tests::SoftwareKey;
using tests::text_of;

TEST_CASE("key forms: agree with the golden key", "[crypto]") {
    const auto row = tests::vector_file("key_golden.json");
    const PublicKey key = SoftwareKey::golden().public_key();
    CHECK(base::base64url_encode(key.raw()) == text_of(row, "public_b64u"));
    CHECK(crypto::did_key(key) == text_of(row, "did_key"));
    CHECK(crypto::kid(key) == text_of(row, "kid"));
}

TEST_CASE("did:key: reads back to the key it names", "[crypto]") {
    for (const Algorithm algorithm : {Algorithm::ed25519, Algorithm::p256}) {
        const PublicKey key = SoftwareKey::random(algorithm).public_key();
        const std::string did = crypto::did_key(key);
        CHECK(did.starts_with(algorithm == Algorithm::ed25519 ? "did:key:z6Mk" : "did:key:zDn"));
        CHECK(crypto::public_key_from_did(did).value() == key);
    }
}

TEST_CASE("did:key: agrees with the P-256 example of the did:key specification", "[crypto]") {
    const std::string did = "did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv";
    const auto key = crypto::public_key_from_did(did);
    REQUIRE(key.ok());
    CHECK(crypto::did_key(*key) == did);
}

TEST_CASE("did:key: anything else is refused", "[crypto]") {
    const std::string did = crypto::did_key(SoftwareKey::golden().public_key());
    for (const std::string& bad :
         {std::string(), std::string("did:key:"), std::string("did:key:z"),
          std::string("did:web:example.com"), did + "1", did.substr(0, did.size() - 1),
          "did:key:" + did.substr(9), std::string("did:key:z6Mk0OIl"), did + "#" + did.substr(8)}) {
        INFO(bad);
        CHECK_FALSE(crypto::public_key_from_did(bad).ok());
    }
}

TEST_CASE("jwk thumbprint: is that of RFC 8037, and of the other language", "[crypto]") {
    // RFC 8037, appendix A.3, has the key of the golden vectors.
    CHECK(crypto::jwk_thumbprint(SoftwareKey::golden().public_key()) ==
          "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    const auto p256 =
        crypto::public_key_from_did("did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv");
    CHECK(crypto::jwk_thumbprint(*p256) == "u7vrjwUEqr4_WVk1nfCx7nhirx2CrSvP9yUbAN4FNiQ");
}

TEST_CASE("jwk: reads back, and a kid that is not its own is refused", "[crypto]") {
    for (const Algorithm algorithm : {Algorithm::ed25519, Algorithm::p256}) {
        const PublicKey key = SoftwareKey::random(algorithm).public_key();
        crypto::Jwk jwk = crypto::to_jwk(key);
        CHECK(crypto::public_key_from_jwk(jwk).value() == key);
        jwk.kid = "0000000000000000";
        CHECK_FALSE(crypto::public_key_from_jwk(jwk).ok());
        jwk = crypto::to_jwk(key);
        jwk.alg = "none";
        CHECK_FALSE(crypto::public_key_from_jwk(jwk).ok());
    }
}
