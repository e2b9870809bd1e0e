#include "claw/tile_tree.h"

#include "support/memory_log.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using claw::TileTree;
using claw::TreeHash;
using tests::MemoryLog;

namespace {

std::vector<TreeHash> leaves(std::uint64_t count) {
    std::vector<TreeHash> all;
    for (std::uint64_t i = 0; i < count; ++i) {
        all.push_back(MemoryLog::leaf(i));
    }
    return all;
}

const std::vector<std::uint64_t> kSizes{0,   1,   2,   3,     255,   256,   257,   511,
                                        512, 513, 770, 65535, 65536, 65537, 66048, 70000};

/// Gives every tile with one hash less than it is asked for.
class ShortSource final : public claw::TileSource {
public:
    explicit ShortSource(const MemoryLog& log) : log_(log) {}
    Result<std::vector<TreeHash>> tile(const claw::TileId& id) const override {
        TRY(auto hashes, log_.tile(id));
        hashes.pop_back();
        return hashes;
    }

private:
    const MemoryLog& log_;
};

}  // namespace

TEST_CASE("tile tree: its root is that of its leaves at every size", "[claw]") {
    MemoryLog log;
    const auto all = leaves(770);
    for (std::uint64_t size = 0; size <= all.size(); ++size) {
        CHECK(log.tree.size() == size);
        CHECK(log.tree.root() == claw::tree_hash(std::span(all).first(size)));
        log.grow(size + 1);
    }
}

TEST_CASE(
    "tile tree: a leaf makes at most one tile of every level full, and a full tile's hash "
    "goes up",
    "[claw]") {
    TileTree tree;
    std::vector<std::vector<claw::FullTile>> made;
    for (std::uint64_t i = 0; i < 65536; ++i) {
        if (auto full = tree.append(MemoryLog::leaf(i)); !full.empty()) {
            made.push_back(std::move(full));
        }
    }
    REQUIRE(made.size() == 256);
    for (std::size_t i = 0; i < 255; ++i) {
        REQUIRE(made[i].size() == 1);
        CHECK(made[i][0].level == 0);
        CHECK(made[i][0].index == i);
        CHECK(made[i][0].hashes.size() == claw::kTileWidth);
    }
    REQUIRE(made[255].size() == 2);
    CHECK(made[255][1].level == 1);
    CHECK(made[255][1].index == 0);
    CHECK(made[255][1].hashes.back() == claw::tree_hash(made[255][0].hashes));
    CHECK(tree.edge(0).empty());
    CHECK(tree.edge(1).empty());
    REQUIRE(tree.edge(2).size() == 1);
    CHECK(tree.edge(2).front() == claw::tree_hash(made[255][1].hashes));
    CHECK(tree.root() == tree.edge(2).front());
    CHECK(tree.edge(64).empty());
}

TEST_CASE("tile tree: the specification's example of 70,000 leaves has its partial tiles",
          "[claw]") {
    const MemoryLog log(70000);
    CHECK(log.tree.edge(0).size() == 112);
    CHECK(log.tree.edge(1).size() == 17);
    CHECK(log.tree.edge(2).size() == 1);
    CHECK(log.tree.edge(3).empty());
}

TEST_CASE("tile tree: loaded at an old size it has that root and goes on as it went", "[claw]") {
    MemoryLog log(70001);
    for (const std::uint64_t size : kSizes) {
        INFO(size);
        auto tree = TileTree::load(size, log).value();
        CHECK(tree.size() == size);
        CHECK(tree.root() == claw::root_at(size, log).value());
        tree.append(MemoryLog::leaf(size));
        CHECK(tree.root() == claw::root_at(size + 1, log).value());
    }
}

TEST_CASE("tile tree: its proofs hold at every kind of size", "[claw]") {
    const MemoryLog log(70000);
    for (const std::uint64_t size : kSizes) {
        const auto root = claw::root_at(size, log).value();
        for (const std::uint64_t at : kSizes) {
            INFO(at << " of " << size);
            if (at < size) {
                const auto path = claw::inclusion_path(at, size, log).value();
                CHECK(claw::check_inclusion(MemoryLog::leaf(at), at, size, path, root).ok());
            }
            if (at <= size) {
                const auto path = claw::consistency_path(at, size, log).value();
                const auto old_root = claw::root_at(at, log).value();
                CHECK(claw::check_consistency(at, old_root, size, root, path).ok());
            }
        }
    }
}

TEST_CASE("tile tree: no tile is read twice for one answer, and few are", "[claw]") {
    const MemoryLog log(70000);
    const auto ask = GENERATE(0, 1, 2);
    log.reads.clear();
    if (ask == 0) {
        REQUIRE(claw::inclusion_path(33333, 70000, log).ok());
    } else if (ask == 1) {
        REQUIRE(claw::consistency_path(33333, 70000, log).ok());
    } else {
        REQUIRE(claw::root_at(69999, log).ok());
    }
    CHECK(log.reads.size() <= 6);
    for (const auto& [tile, times] : log.reads) {
        CHECK(times == 1);
    }
}

TEST_CASE("tile tree: what is beyond the tree is refused", "[claw]") {
    const MemoryLog log(300);
    CHECK(claw::inclusion_path(300, 300, log).error().code == ErrorCode::proof_invalid);
    CHECK(claw::inclusion_path(0, 0, log).error().code == ErrorCode::proof_invalid);
    CHECK(claw::consistency_path(301, 300, log).error().code == ErrorCode::proof_invalid);
}

TEST_CASE("tile tree: a source that fails or gives too little fails the answer", "[claw]") {
    const MemoryLog log(300);
    CHECK(claw::inclusion_path(0, 600, log).error().code == ErrorCode::not_found);
    CHECK(TileTree::load(600, log).error().code == ErrorCode::not_found);
    const ShortSource less(log);
    CHECK(claw::root_at(300, less).error().code == ErrorCode::internal);
    CHECK(claw::inclusion_path(7, 300, less).error().code == ErrorCode::internal);
    CHECK(claw::consistency_path(7, 300, less).error().code == ErrorCode::internal);
    CHECK(TileTree::load(300, less).error().code == ErrorCode::internal);
}
