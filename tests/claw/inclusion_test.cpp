#include "claw/inclusion.h"

#include "claw/receipt_verify.h"
#include "claw/tile_tree.h"
#include "support/memory_log.h"
#include "support/signed_log.h"
#include "support/vectors.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using tests::SoftwareKey;

namespace {

std::string golden_answer() {
    const auto row = tests::vector_rows("receipt_golden.json")[1];
    return R"({"envelope":)" + tests::text_of(row, "envelope_json") + R"(,"legacy":)" +
           claw::json_text(row.get_object().at("legacy")) + "}";
}

std::vector<claw::Recorded> golden() {
    return claw::verify_receipt(golden_answer(), {SoftwareKey::golden().public_key()}).recorded;
}

claw::ArtefactLeaf leaf_of(const claw::Recorded& recorded) {
    claw::ArtefactLeaf leaf;
    leaf.family = recorded.family;
    leaf.artefact = recorded.artefact;
    leaf.id = recorded.id;
    leaf.kid = recorded.kid;
    leaf.signed_sha256 = recorded.signed_sha256;
    leaf.answer_sha256 = recorded.answer_sha256;
    leaf.rule = "role.proxy";
    return leaf;
}

/// The leaf between others, and its proof.
struct Logged {
    explicit Logged(const claw::LeafContent& leaf) {
        log.add_receipts(3);
        proof.index = log.bodies.size();
        log.add(leaf);
        log.add_receipts(4, "s");
        tests::MemoryLog tree;
        for (const std::string& body : log.bodies) {
            tree.append(claw::leaf_hash(base::as_bytes(body)));
        }
        proof.path = claw::inclusion_path(proof.index, tree.tree.size(), tree).value();
        proof.checkpoint = log.note(tree.tree.size(), tree.tree.root());
        const ByteView body = base::as_bytes(log.bodies[proof.index]);
        proof.extra.assign(body.begin(), body.end());
    }

    tests::SignedLog log;
    claw::TlogProof proof;
};

std::string refusal(const claw::TlogProof& proof, const claw::NoteKey& key) {
    const auto inclusion = claw::check_included(proof, golden(), key);
    return inclusion.ok() ? "included" : inclusion.error().message;
}

std::string refusal(const claw::LeafContent& leaf) {
    const Logged made(leaf);
    return refusal(made.proof, made.log.key);
}

}  // namespace

TEST_CASE("inclusion: a receipt and its v1.0 form are found by their leaves", "[claw]") {
    REQUIRE(golden().size() == 2);
    for (const claw::Recorded& recorded : golden()) {
        const Logged made(leaf_of(recorded));
        const auto inclusion = claw::check_included(made.proof, golden(), made.log.key).value();
        CHECK(inclusion.leaf == 5);
        CHECK(inclusion.checkpoint.size == 10);
        CHECK(inclusion.artefact == recorded.artefact);
    }
}

TEST_CASE("inclusion: another artefact's leaf is refused by the member that differs", "[claw]") {
    const auto with = [](auto member, auto value) {
        auto leaf = leaf_of(golden().front());
        leaf.*member = value;
        return refusal(leaf);
    };
    const std::string another = "the leaf is another artefact's: it has another ";
    const std::string hash(43, 'A');
    using Leaf = claw::ArtefactLeaf;
    CHECK(with(&Leaf::id, "other") == another + "id");
    CHECK(with(&Leaf::kid, "other") == another + "kid");
    CHECK(with(&Leaf::family, crypto::Family::cst) == another + "family");
    CHECK(with(&Leaf::signed_sha256, hash) == another + "signed_sha256");
    CHECK(with(&Leaf::answer_sha256, hash) == another + "answer_sha256");
    CHECK(with(&Leaf::artefact, "cst") == "the leaf is that of another kind of artefact: cst");
    CHECK(refusal(claw::StopLeaf{}) == "the leaf is not that of an artefact");
}

TEST_CASE("inclusion: a proof that does not hold is refused by name", "[claw]") {
    const Logged made(leaf_of(golden().front()));
    const claw::NoteKey& key = made.log.key;
    REQUIRE(refusal(made.proof, key) == "included");
    auto bad = made.proof;
    SECTION("path too short") {
        bad.path.pop_back();
        CHECK(refusal(bad, key) == "the inclusion path is too short");
    }
    SECTION("path too long") {
        bad.path.push_back(bad.path.front());
        CHECK(refusal(bad, key) == "the inclusion path is too long");
    }
    SECTION("path swapped") {
        std::swap(bad.path[0], bad.path[1]);
        CHECK(refusal(bad, key) == "the inclusion path does not lead to the root");
    }
    SECTION("a node for a leaf") {
        bad.extra.assign(bad.path[0].begin(), bad.path[0].end());
        bad.extra.insert(bad.extra.end(), bad.path[1].begin(), bad.path[1].end());
        CHECK(refusal(bad, key) == "the inclusion path does not lead to the root");
    }
    SECTION("no leaf") {
        bad.extra.clear();
        CHECK(refusal(bad, key) == "the proof carries no leaf as its extra data");
    }
    SECTION("another index") {
        bad.index = 10;
        CHECK(refusal(bad, key) == "the index is not below the tree's size");
    }
    SECTION("a size that is a lie") {
        bad.checkpoint.replace(bad.checkpoint.find("\n10\n"), 4, "\n11\n");
        CHECK(refusal(bad, key) ==
              "the checkpoint has a forged signature: it does not verify with the key it names");
    }
    SECTION("a forked checkpoint") {
        bad.checkpoint = made.log.note(10, claw::TreeHash{});
        CHECK(refusal(bad, key) == "the inclusion path does not lead to the root");
    }
    SECTION("another origin") {
        const tests::SignedLog other(SoftwareKey::golden(), "test.log/2");
        CHECK(refusal(bad, other.key) == "the checkpoint is not signed by a known key");
    }
    SECTION("an unknown key") {
        const tests::SignedLog other(SoftwareKey::random(crypto::Algorithm::ed25519));
        CHECK(refusal(bad, other.key) ==
              "the checkpoint is signed in the key's name by a key with another id");
    }
}
