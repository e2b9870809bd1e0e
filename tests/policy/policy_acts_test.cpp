#include "policy/policy_acts.h"

#include "crypto/digest.h"

#include <catch2/catch.hpp>

using namespace clawsigner;

namespace {

const std::string kDigest = crypto::sha256_b64u("a document");

}  // namespace

TEST_CASE("acts of policy: those that are about a document name its digest", "[policy]") {
    const std::string document = policy::document_arguments(kDigest);
    CHECK(policy::document_named("mappings.set", document).value() == kDigest);
    CHECK(policy::document_named("oidc.set", document).value() == kDigest);
    CHECK(
        policy::document_named("policies.activate", policy::contract_arguments(kDigest)).value() ==
        kDigest);
    CHECK_FALSE(policy::document_named("roles.set", document).value().has_value());
}

TEST_CASE("acts of policy: arguments of another act, or of no digest, name nothing", "[policy]") {
    CHECK_FALSE(policy::document_named("mappings.set", policy::contract_arguments(kDigest)).ok());
    CHECK_FALSE(
        policy::document_named("policies.activate", policy::document_arguments(kDigest)).ok());
    CHECK_FALSE(policy::document_named("mappings.set", policy::document_arguments("abc")).ok());
    CHECK_FALSE(policy::document_named("mappings.set", "{}").ok());
    CHECK_FALSE(policy::document_named("mappings.set", "").ok());
}

TEST_CASE("acts of policy: a change of trust reads back, also to nothing", "[policy]") {
    const auto read =
        policy::parse_trust_arguments(policy::trust_arguments({"wpc_signers", ""})).value();
    CHECK(read.key == "wpc_signers");
    CHECK(read.value.empty());
    CHECK_FALSE(policy::parse_trust_arguments(R"({"key":"x"})").ok());
    CHECK_FALSE(policy::parse_trust_arguments(R"({"key":"x","value":1})").ok());
    CHECK_FALSE(policy::parse_trust_arguments(R"({"key":"x","value":"","more":1})").ok());
}
