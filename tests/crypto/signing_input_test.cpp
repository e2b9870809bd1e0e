#include "crypto/signing_input.h"

#include "crypto/public_key.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace clawsigner;
using crypto::Family;

namespace {
const std::string kHash = "RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o";
const std::string kLegacy = R"({"version":"1.0","proxyDid":"did:web:clawproxy.com"})";
const std::string kToken = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0";
const std::string kRoot = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
const std::string kCheckpoint = "example.com/behind-the-sofa\n20852163\n" + kRoot + "\n";
}  // namespace

TEST_CASE("signing input: a receipt key takes a payload hash or a legacy receipt", "[crypto]") {
    CHECK(crypto::SigningInput<Family::gateway_receipt>::of(kHash).ok());
    CHECK(crypto::SigningInput<Family::gateway_receipt>::of(kLegacy).ok());
}

TEST_CASE("signing input: a receipt key takes nothing that is a token, a rotation or a probe",
          "[crypto]") {
    const std::string probe(
        reinterpret_cast<const char*>(crypto::ProbeInput::fresh().value().bytes().data()), 52);
    for (const std::string& bytes :
         {std::string(), kToken, kHash + "x", kHash.substr(1), "." + kHash.substr(1), probe,
          std::string(R"({"snapshot_version":"1"})"), std::string("clawsig:rotate:handoff:a:b:c"),
          std::string(R"({"issued_at":"x"})"), std::string(R"({"version":"1.1","a":1})")}) {
        INFO(bytes);
        CHECK_FALSE(crypto::SigningInput<Family::gateway_receipt>::of(bytes).ok());
    }
}

TEST_CASE("signing input: a token key takes a compact JWS to be signed and nothing else",
          "[crypto]") {
    CHECK(crypto::SigningInput<Family::cst>::of(kToken).ok());
    for (const std::string& bytes :
         {std::string(), kHash, kLegacy, kToken + ".", kToken + ".eyJ", "x" + kToken,
          std::string("eyJhbGciOiJFZERTQSJ9."), std::string(".eyJzdWIiOiJhIn0"),
          std::string("eyJ.WyJhIl0"), std::string("eyJ=.eyJ"), std::string("eyJ.eyJ ")}) {
        INFO(bytes);
        CHECK_FALSE(crypto::SigningInput<Family::cst>::of(bytes).ok());
    }
}

TEST_CASE("signing input: a log's key takes a checkpoint's three lines and nothing else",
          "[crypto]") {
    CHECK(crypto::SigningInput<Family::checkpoint>::of(kCheckpoint).ok());
    CHECK(crypto::SigningInput<Family::checkpoint>::of("a log\n0\n" + kRoot + "\n").ok());
    const std::string probe(
        reinterpret_cast<const char*>(crypto::ProbeInput::fresh().value().bytes().data()), 52);
    for (const std::string& bytes : {std::string(),
                                     kHash,
                                     kLegacy,
                                     kToken,
                                     probe,
                                     std::string("\n"),
                                     std::string("\n\n\n"),
                                     kCheckpoint.substr(0, kCheckpoint.size() - 1),
                                     kCheckpoint + "extension\n",
                                     kCheckpoint + "\n",
                                     "\n0\n" + kRoot + "\n",
                                     "a\tb\n0\n" + kRoot + "\n",
                                     "a\r\n0\n" + kRoot + "\n",
                                     "a\n01\n" + kRoot + "\n",
                                     "a\n\n" + kRoot + "\n",
                                     "a\n-1\n" + kRoot + "\n",
                                     "a\n18446744073709551616\n" + kRoot + "\n",
                                     "a\n1\n" + kRoot.substr(4) + "\n",
                                     "a\n1\n" + kRoot.substr(0, 43) + "\n",
                                     "a\n1\n" + kRoot.substr(0, 42) + "J=\n",
                                     kLegacy + "\n1\n" + kRoot + "\n",
                                     probe.substr(0, 20) + "x\n1\n" + kRoot + "\n"}) {
        INFO(bytes);
        CHECK_FALSE(crypto::SigningInput<Family::checkpoint>::of(bytes).ok());
    }
}

TEST_CASE("signing input: a policy key takes a payload hash and nothing else", "[crypto]") {
    CHECK(crypto::SigningInput<Family::work_policy>::of(kHash).ok());
    for (const std::string& bytes :
         {std::string(), kLegacy, kToken, kCheckpoint, kHash + "x", kHash.substr(1), kHash + "\n",
          std::string(R"({"policy_version":"1"})")}) {
        INFO(bytes);
        CHECK_FALSE(crypto::SigningInput<Family::work_policy>::of(bytes).ok());
    }
}

TEST_CASE("signing input: only the envelopes' hashes have the form of two families", "[crypto]") {
    const auto families_of = [](const std::string& bytes) {
        std::vector<Family> families;
        for (const Family family : crypto::kFamilies) {
            if (crypto::has_signed_form(family, bytes)) {
                families.push_back(family);
            }
        }
        return families;
    };
    CHECK(families_of(kHash) == std::vector{Family::gateway_receipt, Family::work_policy});
    CHECK(families_of(kLegacy) == std::vector{Family::gateway_receipt});
    CHECK(families_of(kToken) == std::vector{Family::cst});
    CHECK(families_of(kCheckpoint) == std::vector{Family::checkpoint});
}

TEST_CASE("probe: starts as no artefact does and is never the same twice", "[crypto]") {
    const auto one = crypto::ProbeInput::fresh().value();
    const auto two = crypto::ProbeInput::fresh().value();
    CHECK(one.bytes().size() == 52);
    CHECK_FALSE(std::equal(one.bytes().begin(), one.bytes().end(), two.bytes().begin()));
    const std::string text(reinterpret_cast<const char*>(one.bytes().data()), one.bytes().size());
    for (const Family family : crypto::kFamilies) {
        CHECK_FALSE(crypto::has_signed_form(family, text));
    }
}

TEST_CASE("family: checkpoints are Ed25519's alone", "[crypto]") {
    CHECK(crypto::signs_with(Family::checkpoint, crypto::Algorithm::ed25519));
    CHECK_FALSE(crypto::signs_with(Family::checkpoint, crypto::Algorithm::p256));
    CHECK(crypto::signs_with(Family::cst, crypto::Algorithm::p256));
    CHECK(crypto::signs_with(Family::gateway_receipt, crypto::Algorithm::p256));
    CHECK(crypto::signs_with(Family::work_policy, crypto::Algorithm::p256));
}

TEST_CASE("family: its name reads back", "[crypto]") {
    for (const Family family : crypto::kFamilies) {
        CHECK(crypto::family_from_name(crypto::family_name(family)) == family);
    }
    CHECK_FALSE(crypto::family_from_name("root").has_value());
}
