#include "claw/key_manifest.h"

#include "support/key_history.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using tests::KeyHistory;
using tests::text_of;

namespace {

std::string manifest_of(const KeyHistory& history) {
    return claw::key_manifest_text(
        {"log.example.com/1", history.now, {claw::manifest_family(history.family, "pkcs11")}});
}

std::string some_manifest() {
    return manifest_of(tests::key_history("a rotation under way"));
}

bool is_read_with(const std::string& from, const std::string& to) {
    std::string text = some_manifest();
    text.replace(text.find(from), from.size(), to);
    return claw::parse_key_manifest(text).ok();
}

}  // namespace

TEST_CASE("key manifest: says what the other language says, byte for byte", "[claw]") {
    for (const KeyHistory& history : tests::key_histories()) {
        INFO(history.name);
        const std::string text = manifest_of(history);
        CHECK(text == text_of(history.row, "manifest"));
        CHECK(claw::key_manifest_digest(text) == text_of(history.row, "manifest_digest"));
    }
}

TEST_CASE("key manifest: what is written is read again, member by member", "[claw]") {
    for (const KeyHistory& history : tests::key_histories()) {
        INFO(history.name);
        const auto manifest = claw::parse_key_manifest(text_of(history.row, "manifest")).value();
        CHECK(manifest.origin == "log.example.com/1");
        CHECK(manifest.time == history.now);
        REQUIRE(manifest.families.size() == 1);
        CHECK(manifest.families[0].family == history.family.family);
        CHECK(manifest.families[0].frozen == history.family.frozen);
        REQUIRE(manifest.families[0].keys.size() == history.family.versions.size());
        for (std::size_t i = 0; i < history.family.versions.size(); ++i) {
            const claw::KeyRecord& record = history.family.versions[i];
            const claw::ManifestKey& key = manifest.families[0].keys[i];
            CHECK(key.version == record.version);
            CHECK(key.state == record.state);
            CHECK(key.public_key == record.public_key);
            CHECK(key.not_after == record.not_after);
            CHECK(key.compromised_leaf == record.compromised_leaf);
            CHECK(key.proof == record.proof);
        }
    }
}

TEST_CASE("key manifest: a key that was never here, or is destroyed, is in nobody's custody",
          "[claw]") {
    const auto adopted = tests::key_history("keys that end, and one adopted");
    CHECK(claw::manifest_family(adopted.family, "pkcs11").keys.front().custody == "none");
    CHECK(claw::manifest_family(adopted.family, "pkcs11").keys.back().custody == "pkcs11");
    const auto gone = tests::key_history("none active");
    CHECK(claw::manifest_family(gone.family, "pkcs11").keys[1].custody == "none");
}

TEST_CASE("key manifest: is read in its one form only", "[claw]") {
    CHECK(is_read_with("", ""));
    CHECK_FALSE(is_read_with("{", "{ "));
    CHECK_FALSE(is_read_with("{", R"({"a":1,)"));
    CHECK_FALSE(is_read_with(R"("frozen":false)", R"("frozen":0)"));
    CHECK_FALSE(is_read_with(R"("jkt":"F)", R"("jkt":"G)"));
    CHECK_FALSE(is_read_with(R"("kid":"dac0)", R"("kid":"dac1)"));
    CHECK_FALSE(is_read_with(R"("algorithm":"ed25519")", R"("algorithm":"p256")"));
    CHECK_FALSE(is_read_with("host-asserted", "attested"));
    CHECK_FALSE(is_read_with(R"("state":"retired")", R"("state":"lost")"));
    CHECK_FALSE(is_read_with(R"("state":"retired")", R"("state":"active")"));   // two of them
    CHECK_FALSE(is_read_with(R"("state":"retired")", R"("state":"pending")"));  // two of them
    CHECK_FALSE(is_read_with(R"("version":2)", R"("version":1)"));
    CHECK_FALSE(is_read_with(R"("created":)", R"("made":)"));
    CHECK_FALSE(is_read_with("2026-03-04T12:00:00.500Z\"", "2026-03-04T12:00:00Z\""));
    CHECK_FALSE(is_read_with(R"("v":1)", R"("v":2)"));
    CHECK_FALSE(is_read_with("clawsigner-key-manifest", "clawsigner-manifest"));
    CHECK_FALSE(is_read_with(R"("families":[)", R"("families":[1,)"));
    CHECK_FALSE(is_read_with(R"("keys":[)", R"("keys":{},"keys2":[)"));
    CHECK(claw::parse_key_manifest(std::string(claw::kMaxManifestBytes + 1, ' ')).error().code ==
          ErrorCode::too_large);
}

TEST_CASE("key manifest: each family stands in it once, in the families' order", "[claw]") {
    const auto text = [](std::initializer_list<crypto::Family> families) {
        claw::KeyManifest manifest{"o", UnixMillis(), {}};
        for (const crypto::Family family : families) {
            manifest.families.push_back({family, false, {}});
        }
        return claw::key_manifest_text(manifest);
    };
    using crypto::Family;
    CHECK(claw::parse_key_manifest(text({})).ok());
    CHECK(claw::parse_key_manifest(
              text({Family::gateway_receipt, Family::cst, Family::work_policy, Family::checkpoint}))
              .ok());
    CHECK_FALSE(claw::parse_key_manifest(text({Family::cst, Family::gateway_receipt})).ok());
    CHECK_FALSE(claw::parse_key_manifest(text({Family::cst, Family::cst})).ok());
}
