#include "attest/log_audit.h"

#include "support/signed_log.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using tests::SignedLog;

namespace {

const attest::Progress kSilent = [](std::uint64_t, std::uint64_t) {};

attest::Audit audit_of(SignedLog& log, const attest::AuditTerms& terms = {}) {
    return attest::audit_log(log, terms, kSilent).value();
}

std::vector<std::string> found(SignedLog& log, const attest::AuditTerms& terms = {}) {
    std::vector<std::string> texts;
    for (const attest::Finding& finding : audit_of(log, terms).findings) {
        texts.push_back(finding.what);
    }
    return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("log audit: a log that is what its leaves make is good, whatever its size", "[attest]") {
    for (const std::size_t receipts : {0U, 1U, 253U, 254U, 255U, 600U}) {
        SignedLog log;
        log.add_receipts(receipts);
        log.add_state();
        log.publish();
        const auto audit = audit_of(log, {log.key, std::nullopt, 0});
        CHECK(audit.good());
        CHECK(audit.head->checkpoint.size == receipts + 3);
        CHECK(audit.state == log.state.digests());
    }
}

TEST_CASE("log audit: every flipped byte of every file is found", "[attest]") {
    SignedLog log;
    log.add_receipts(300);
    log.add_state();
    log.publish();
    const auto good = log.files;
    for (const auto& [path, content] : good) {
        for (std::size_t at = 0; at < content.size(); at += 1 + content.size() / 40) {
            log.files = good;
            log.files[path][at] = static_cast<char>(content[at] ^ 1);
            INFO(path << " at " << at);
            CHECK_FALSE(audit_of(log, {log.key, std::nullopt, 0}).good());
        }
        log.files = good;
        log.files.erase(path);
        CHECK_FALSE(audit_of(log, {log.key, std::nullopt, 0}).good());
        log.files[path] = content.substr(0, content.size() - 1);
        CHECK_FALSE(audit_of(log, {log.key, std::nullopt, 0}).good());
    }
}

TEST_CASE("log audit: says what is wrong, by the leaf's number", "[attest]") {
    SignedLog log;
    log.add_receipts(4);
    SECTION("an id spent twice") {
        log.add_receipts(1);
        log.publish();
        CHECK(found(log) == Texts{"leaf 6 spends the id r-0 a second time"});
    }
    SECTION("a setting set twice") {
        log.bodies.push_back(log.bodies.front());
        log.publish();
        CHECK(found(log) == Texts{"leaf 6 sets origin a second time"});
    }
    SECTION("a state that is another") {
        log.add(claw::StateLeaf{std::string(43, 'A'), std::string(43, 'A')});
        log.publish();
        CHECK(found(log) == Texts{"leaf 6 states another state than the leaves before it make"});
    }
    SECTION("no leaf") {
        log.bodies.emplace_back("{}");
        log.publish();
        const auto audit = audit_of(log);
        REQUIRE(audit.findings.size() == 1);
        CHECK(audit.findings.front().leaf == 6);
        CHECK_THAT(audit.findings.front().what, Catch::StartsWith("leaf 6 cannot be read: "));
    }
    SECTION("a v1.0 receipt alone") {
        claw::ArtefactLeaf leaf;
        leaf.artefact = "gateway_receipt_v1.0";
        leaf.id = "r-0";
        leaf.kid = "kid";
        leaf.rule = "role.proxy";
        leaf.signed_sha256 = leaf.answer_sha256 = std::string(43, 'A');
        log.add(leaf);
        log.publish();
        CHECK(found(log) ==
              Texts{"leaf 6 is a v1.0 receipt that does not stand behind its receipt"});
    }
    SECTION("an edit") {
        log.publish();
        auto bodies = log.bodies;
        bodies[3].replace(bodies[3].find("r-1"), 3, "r-9");
        log.files[claw::entries_path(0, 6)] = claw::encode_entries(bodies);
        CHECK(found(log) == Texts{"leaf 3 is not the one whose hash stands in tile/0/000.p/6",
                                  "the tree of the 6 leaves has another root than the checkpoint"});
    }
    SECTION("a gap") {
        log.publish();
        log.files.erase(claw::entries_path(0, 6));
        log.files[claw::tile_path({0, 0, 6})].pop_back();
        const auto texts = found(log, {log.key, std::nullopt, 0});
        REQUIRE(texts.size() == 2);
        CHECK(texts[0] == "tile/entries/000.p/6 is missing");
        CHECK_THAT(texts[1], Catch::StartsWith("tile/0/000.p/6 is not a tile of this width"));
    }
    SECTION("another key") {
        log.publish();
        const SignedLog other(tests::SoftwareKey::random(crypto::Algorithm::ed25519));
        CHECK(found(log, {other.key, std::nullopt, 0}) ==
              Texts{"the checkpoint is signed in the key's name by a key with another id"});
    }
    SECTION("a key that the leaves do not name") {
        log.bodies[1] = claw::leaf_text({UnixMillis(), claw::SettingLeaf{"log_key", "x"}});
        log.publish();
        CHECK(found(log, {log.key, std::nullopt, 0}) ==
              Texts{"leaf 1 sets another log_key than the checkpoint is signed with"});
    }
}

TEST_CASE("log audit: holds the log against an older checkpoint", "[attest]") {
    SignedLog log;
    log.add_receipts(250);
    log.publish();
    const std::string old = log.files["checkpoint"];
    log.add_receipts(300, "s");
    log.add_state();
    log.publish();
    CHECK(found(log, {log.key, old, 0}).empty());
    CHECK(found(log, {log.key, old, 252}).empty());
    const auto texts = found(log, {log.key, log.note(252, claw::TreeHash{}), 0});
    REQUIRE(texts.size() == 1);
    CHECK_THAT(texts.front(),
               Catch::StartsWith("forked: the log does not continue its checkpoint of 252 leaves"));
    CHECK(found(log, {log.key, log.note(1000, claw::TreeHash{}), 0}) ==
          Texts{"rolled back: the log has had a checkpoint of 1000 leaves, the newest has 553"});
    CHECK(found(log, {log.key, "nonsense", 0}).size() == 1);
    CHECK(found(log, {log.key, std::nullopt, 554}) ==
          Texts{"rolled back: the log has 553 leaves, and had 554"});
}

TEST_CASE("log audit: what was audited before is covered by its hashes", "[attest]") {
    SignedLog log;
    log.add_receipts(298);
    log.add_state();
    log.add_receipts(300, "s");
    log.add_state();
    log.add_receipts(1);  // spent in the part that is not read
    log.publish();
    CHECK(found(log).size() == 1);
    log.reads.clear();
    CHECK(found(log, {log.key, std::nullopt, 300}).empty());
    for (const std::string& path : log.reads) {
        CHECK(path != "tile/entries/000");
        CHECK(path != "tile/0/000");
    }
    log.files[claw::tile_path({1, 0, 2})][0] ^= 1;
    CHECK_FALSE(found(log, {log.key, std::nullopt, 300}).empty());
}
