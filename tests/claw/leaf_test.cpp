#include "claw/leaf.h"

#include "claw/log_state.h"

#include <catch2/catch.hpp>

using namespace clawsigner;

namespace {

const std::string kHash(43, 'A');

claw::ArtefactLeaf artefact() {
    claw::ArtefactLeaf leaf;
    leaf.family = crypto::Family::cst;
    leaf.artefact = "cst";
    leaf.id = "j";
    leaf.kid = "k";
    leaf.signed_sha256 = kHash;
    leaf.answer_sha256 = kHash;
    leaf.rule = "ceiling";
    leaf.caller = claw::LeafCaller{"issuer", 998};
    return leaf;
}

}  // namespace

TEST_CASE("leaf: is canonical JSON with a version", "[claw]") {
    CHECK(
        claw::leaf_text({UnixMillis(), artefact()}) ==
        R"({"answer_sha256":")" + kHash +
            R"(","artefact":"cst","caller":{"role":"issuer","uid":998},"family":"cst","id":"j","kid":"k","rule":"ceiling","signed_sha256":")" +
            kHash + R"(","time":"1970-01-01T00:00:00.000Z","type":"artefact","v":1})");
}

TEST_CASE("leaf: every kind reads back as it was", "[claw]") {
    auto full = artefact();
    full.policy_hash = "p\"q";
    full.run_id = "r\u00e9";
    full.nonce_sha256 = kHash;
    full.request_sha256 = kHash;
    auto token = artefact();
    token.nonce_sha256 = kHash;
    token.grounds =
        claw::UserGrounds{kHash, "https://example.okta.com", kHash, {"admins", "ops \"1\""}, kHash};
    auto narrowed = artefact();
    narrowed.parent_sha256 = kHash;
    auto receipt = artefact();
    receipt.cst_sha256 = kHash;
    receipt.decision_sha256 = kHash;
    receipt.after_expiry = true;
    const std::vector<claw::LeafContent> kinds{
        artefact(),
        full,
        token,
        narrowed,
        receipt,
        claw::KeyLeaf{"created", "0102", "cst", "kid", claw::LeafCaller{"admin", 0}},
        claw::RefusalLeaf{"POST /v1/tokens", "POLICY_DENIED", "ceiling.ttl", kHash, {}, 1},
        claw::RefusalLeaf{"several", "several", {}, {}, {}, 12},
        claw::StartLeaf{"0.1.0"},
        claw::StopLeaf{},
        claw::SettingLeaf{"origin", "example.com/log"},
        claw::StateLeaf{kHash, kHash},
    };
    for (const claw::LeafContent& kind : kinds) {
        const std::string text = claw::leaf_text({UnixMillis(), kind});
        const auto read = claw::parse_leaf(text);
        REQUIRE(read.ok());
        CHECK(read->content.index() == kind.index());
        CHECK(claw::leaf_text(*read) == text);
    }
}

TEST_CASE("leaf: another spelling of the same is refused", "[claw]") {
    const std::string good = claw::leaf_text({UnixMillis(), claw::StopLeaf()});
    CHECK(claw::parse_leaf(good).ok());
    CHECK_FALSE(claw::parse_leaf(good + " ").ok());
    CHECK_FALSE(
        claw::parse_leaf(R"({"type":"stop","time":"1970-01-01T00:00:00.000Z","v":1})").ok());
    CHECK_FALSE(
        claw::parse_leaf(R"({"time":"1970-01-01T00:00:00.000Z","type":"stop","v":2})").ok());
    CHECK_FALSE(
        claw::parse_leaf(R"({"a":1,"time":"1970-01-01T00:00:00.000Z","type":"stop","v":1})").ok());
    CHECK_FALSE(claw::parse_leaf(R"({"time":"1970-01-01T00:00:00.000Z","type":"x","v":1})").ok());
}

TEST_CASE("log state: the digest of what was spent follows from the leaves, in their order",
          "[claw]") {
    const auto digest = [](std::initializer_list<std::string> ids) {
        claw::LogState state;
        std::uint64_t index = 0;
        for (const std::string& id : ids) {
            auto leaf = artefact();
            leaf.id = id;
            REQUIRE(state.add(claw::rows_of(index++, {UnixMillis(), leaf}).value()).ok());
        }
        return state.digests().spent_sha256;
    };
    CHECK(digest({"a", "b"}) == digest({"a", "b"}));
    CHECK(digest({"a", "b"}) != digest({"b", "a"}));
    CHECK(digest({"a", "b"}) != digest({"a"}));
}

TEST_CASE("log state: a receipt's v1.0 twin spends nothing again", "[claw]") {
    auto twin = artefact();
    twin.artefact = "gateway_receipt_v1.0";
    CHECK_FALSE(claw::rows_of(0, {UnixMillis(), twin})->spent.has_value());
}

TEST_CASE("log state: a setting is set once", "[claw]") {
    claw::LogState state;
    const auto rows = claw::rows_of(0, {UnixMillis(), claw::SettingLeaf{"origin", "x"}}).value();
    CHECK(state.add(rows).ok());
    CHECK(state.add(rows).error().code == ErrorCode::ledger_damaged);
}
