#include "claw/published_keys.h"

#include "claw/did_document.h"
#include "claw/jwks.h"
#include "claw/rotation_contract.h"
#include "claw/well_known.h"
#include "support/key_history.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using namespace std::chrono_literals;
using claw::KeyState;
using tests::KeyHistory;
using tests::text_of;

namespace {

std::vector<std::uint32_t> versions_of(const std::vector<const claw::KeyRecord*>& keys) {
    std::vector<std::uint32_t> versions;
    for (const claw::KeyRecord* key : keys) {
        versions.push_back(key->version);
    }
    return versions;
}

}  // namespace

TEST_CASE("published keys: say what the other language says, byte for byte", "[claw]") {
    for (const KeyHistory& history : tests::key_histories()) {
        INFO(history.name);
        const auto& [name, family, now, overlap, row] = history;
        CHECK(claw::published_jwks(family, now) == text_of(row, "jwks"));
        CHECK(claw::rotation_contract_text(family, now, overlap) == text_of(row, "contract"));
        CHECK(claw::well_known_text(family, now) == text_of(row, "well_known"));
    }
}

TEST_CASE("published keys: the active one, the pending one, then verify_only from the newest",
          "[claw]") {
    const auto history = tests::key_history("a rotation under way");
    CHECK(versions_of(claw::published_keys(history.family, history.now)) ==
          std::vector<std::uint32_t>{3, 4, 2});
    const auto ending = tests::key_history("keys that end, and one adopted");
    CHECK(versions_of(claw::published_keys(ending.family, ending.now)) ==
          std::vector<std::uint32_t>{4, 3, 1});
    CHECK(versions_of(claw::published_keys(ending.family, ending.now + 1ms)) ==
          std::vector<std::uint32_t>{4, 1});
}

TEST_CASE("published keys: a frozen family is published as before", "[claw]") {
    auto history = tests::key_history("a rotation under way");
    const auto before = claw::published_kids(history.family, history.now);
    history.family.frozen = true;
    CHECK(claw::published_kids(history.family, history.now) == before);
}

TEST_CASE("rotation contract: the window is open while there is an overlap and another key",
          "[claw]") {
    const auto history = tests::key_history("a rotation under way");
    const auto with = [&](std::chrono::seconds overlap) {
        return claw::rotation_contract_text(history.family, history.now, overlap);
    };
    CHECK_THAT(with(1s), Catch::Contains(R"("overlap_seconds":1,"overlap_window_open":true)"));
    CHECK_THAT(with(0s), Catch::Contains(R"("overlap_seconds":0,"overlap_window_open":false)"));
}

TEST_CASE("did document: every published key asserts, only the active one authenticates",
          "[claw]") {
    const auto history = tests::key_history("a rotation under way");
    const auto text = claw::gateway_did_document(history.family, history.now, "1.2.3").value();
    const std::string id = "\"did:web:clawproxy.com#";
    CHECK_THAT(text, Catch::Contains(R"("authentication":[)" + id + "21fe31dfa154a261\"]"));
    CHECK_THAT(text, Catch::Contains(R"("assertionMethod":[)" + id + "21fe31dfa154a261\"," + id +
                                     "5ccc674fa6f2bfea\"," + id + "39f713d0a644253f\"]"));
    CHECK_THAT(text,
               Catch::Contains(R"("publicKeyMultibase":"u)" +
                               text_of(tests::vector_file("key_golden.json"), "public_b64u")));
    CHECK_THAT(text, Catch::Contains(R"("version":"1.2.3","signingEnabled":true)"));
    CHECK_THAT(text, Catch::Contains(text_of(tests::vector_file("key_golden.json"), "did_key")));
}

TEST_CASE("did document: without an active key there is none", "[claw]") {
    const auto history = tests::key_history("none active");
    CHECK(claw::gateway_did_document(history.family, history.now, "1").error().code ==
          ErrorCode::key_missing);
    CHECK(claw::issuer_did_text(history.family).error().code == ErrorCode::key_missing);
}

TEST_CASE("issuer did: names the active key", "[claw]") {
    const auto history = tests::key_history("a rotation under way");
    CHECK(claw::issuer_did_text(history.family).value() ==
          R"({"did":"did:web:clawscope.com","kid":"21fe31dfa154a261",)"
          R"("public_key_b64u":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})");
}
