#include "claw/merkle.h"

#include "base/encoding.h"
#include "claw/tile_tree.h"
#include "support/memory_log.h"

#include <catch2/catch.hpp>

#include <array>

using namespace clawsigner;
using claw::TreeHash;
using Path = std::vector<TreeHash>;

namespace {

TreeHash hash_of_hex(std::string_view hex) {
    const Bytes bytes = base::hex_decode(hex).value();
    TreeHash hash{};
    std::ranges::copy(bytes, hash.begin());
    return hash;
}

Path path_of_hex(const std::vector<std::string_view>& hexes) {
    Path path;
    std::ranges::transform(hexes, std::back_inserter(path), hash_of_hex);
    return path;
}

/// The tree that Certificate Transparency's own tests publish: its entries, and its root at every
/// size.
const std::array<std::string_view, 8> kEntries{"",
                                               "00",
                                               "10",
                                               "2021",
                                               "3031",
                                               "40414243",
                                               "5051525354555657",
                                               "606162636465666768696a6b6c6d6e6f"};
const std::array<std::string_view, 9> kRoots{
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

TreeHash published_leaf(std::size_t index) {
    return claw::leaf_hash(base::hex_decode(kEntries.at(index)).value());
}
TreeHash published_root(std::size_t size) {
    return hash_of_hex(kRoots.at(size));
}

struct Published {
    std::uint64_t from;  // a leaf's index, or an old size
    std::uint64_t size;
    Path path;
};
const std::vector<Published> kInclusions{
    {0, 1, {}},
    {0, 8,
     path_of_hex({"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                  "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                  "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"})},
    {5, 8,
     path_of_hex({"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                  "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"})},
    {2, 3, path_of_hex({"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"})},
    {1, 5,
     path_of_hex({"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                  "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                  "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"})}};
const std::vector<Published> kConsistencies{
    {1, 1, {}},
    {1, 8,
     path_of_hex({"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                  "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                  "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"})},
    {6, 8,
     path_of_hex({"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                  "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"})},
    {2, 5,
     path_of_hex({"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                  "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"})}};

std::string refusal(const Status& status) {
    if (status.ok()) {
        return "holds";
    }
    CHECK(status.error().code == ErrorCode::proof_invalid);
    return status.error().message;
}

const TreeHash kForeign = claw::leaf_hash(base::as_bytes("of another tree"));

}  // namespace

TEST_CASE("merkle: the published tree has its roots and gives its proofs", "[claw]") {
    tests::MemoryLog log;
    Path leaves;
    for (std::size_t size = 0; size <= kEntries.size(); ++size) {
        CHECK(claw::tree_hash(leaves) == published_root(size));
        CHECK(log.tree.root() == published_root(size));
        if (size < kEntries.size()) {
            leaves.push_back(published_leaf(size));
            log.append(leaves.back());
        }
    }
    for (const Published& proof : kInclusions) {
        CHECK(claw::inclusion_path(proof.from, proof.size, log).value() == proof.path);
        CHECK(refusal(claw::check_inclusion(published_leaf(proof.from), proof.from, proof.size,
                                            proof.path, published_root(proof.size))) == "holds");
    }
    for (const Published& proof : kConsistencies) {
        CHECK(claw::consistency_path(proof.from, proof.size, log).value() == proof.path);
        CHECK(refusal(claw::check_consistency(proof.from, published_root(proof.from), proof.size,
                                              published_root(proof.size), proof.path)) == "holds");
    }
}

TEST_CASE("merkle: a leaf is not a node, whatever its entry says", "[claw]") {
    const TreeHash left = published_leaf(0);
    const TreeHash right = published_leaf(1);
    std::string entry(left.begin(), left.end());
    entry.append(right.begin(), right.end());
    CHECK(claw::leaf_hash(base::as_bytes(entry)) != claw::node_hash(left, right));
    // The node over both leaves, shown as if it were the first of one leaf less.
    CHECK(refusal(claw::check_inclusion(claw::leaf_hash(base::as_bytes(entry)), 0, 1, {},
                                        published_root(2))) ==
          "the inclusion path does not lead to the root");
}

TEST_CASE("merkle: a proof of inclusion that does not hold is refused, and says why", "[claw]") {
    const Published& good = kInclusions[2];  // leaf 5 of 8
    const TreeHash leaf = published_leaf(5);
    const TreeHash root = published_root(8);
    const auto check = [&](const TreeHash& of, std::uint64_t index, std::uint64_t size,
                           const Path& path, const TreeHash& to) {
        return refusal(claw::check_inclusion(of, index, size, path, to));
    };
    Path longer = good.path;
    longer.push_back(kForeign);
    Path swapped = good.path;
    std::swap(swapped[0], swapped[1]);
    const Path shorter(good.path.begin(), good.path.end() - 1);
    const std::string astray = "the inclusion path does not lead to the root";
    const std::string too_short = "the inclusion path is too short";
    const std::string too_long = "the inclusion path is too long";
    const std::string outside = "the index is not below the tree's size";
    CHECK(check(leaf, 5, 8, good.path, root) == "holds");
    CHECK(check(leaf, 5, 8, longer, root) == too_long);
    CHECK(check(leaf, 5, 8, shorter, root) == too_short);
    CHECK(check(leaf, 5, 8, {}, root) == too_short);
    CHECK(check(leaf, 5, 8, swapped, root) == astray);
    CHECK(check(kForeign, 5, 8, good.path, root) == astray);
    CHECK(check(leaf, 5, 8, good.path, published_root(7)) == astray);
    CHECK(check(leaf, 4, 8, good.path, root) == astray);
    CHECK(check(leaf, 5, 16, good.path, root) == too_short);
    CHECK(check(leaf, 5, 6, good.path, root) == too_long);
    CHECK(check(leaf, 5, 5, good.path, root) == outside);
    CHECK(check(leaf, 0, 0, {}, root) == outside);
    CHECK(check(leaf, UINT64_MAX - 1, UINT64_MAX, {}, root) == too_short);
}

TEST_CASE("merkle: a proof of consistency that does not hold is refused, and says why", "[claw]") {
    const Published& good = kConsistencies[2];  // 6 of 8
    const auto check = [&](std::uint64_t old_size, const TreeHash& old_root, std::uint64_t new_size,
                           const TreeHash& new_root, const Path& path) {
        return refusal(claw::check_consistency(old_size, old_root, new_size, new_root, path));
    };
    const TreeHash old_root = published_root(6);
    const TreeHash root = published_root(8);
    Path longer = good.path;
    longer.push_back(kForeign);
    Path swapped = good.path;
    std::swap(swapped[1], swapped[2]);
    const Path shorter(good.path.begin(), good.path.end() - 1);
    const std::string too_short = "the consistency path is too short";
    CHECK(check(6, old_root, 8, root, good.path) == "holds");
    CHECK(check(6, old_root, 8, root, longer) == "the consistency path is too long");
    CHECK(check(6, old_root, 8, root, shorter) == too_short);
    CHECK(check(6, old_root, 8, root, {}) == too_short);
    CHECK(check(6, old_root, 8, root, swapped) ==
          "the consistency path does not lead to the old root");
    CHECK(check(6, kForeign, 8, root, good.path) ==
          "the consistency path does not lead to the old root");
    CHECK(check(6, old_root, 8, kForeign, good.path) ==
          "the consistency path does not lead to the new root");
    CHECK(check(7, published_root(7), 8, root, good.path) == too_short);
    CHECK(check(8, root, 6, old_root, good.path) == "the old tree is larger than the new one");
}

TEST_CASE("merkle: trees of one size, and the empty tree, need no path and get none", "[claw]") {
    const auto check = [](std::uint64_t old_size, const TreeHash& old_root, std::uint64_t new_size,
                          const TreeHash& new_root, const Path& path) {
        return refusal(claw::check_consistency(old_size, old_root, new_size, new_root, path));
    };
    const TreeHash empty = published_root(0);
    const TreeHash root = published_root(8);
    CHECK(check(8, root, 8, root, {}) == "holds");
    CHECK(check(8, root, 8, kForeign, {}) ==
          "the two trees are of one size and have different roots");
    CHECK(check(8, root, 8, root, {kForeign}) ==
          "the consistency path is too long: the trees are of one size");
    CHECK(check(0, empty, 0, empty, {}) == "holds");
    CHECK(check(0, kForeign, 0, kForeign, {}) == "the old root is not that of an empty tree");
    CHECK(check(0, empty, 8, root, {}) == "holds");
    CHECK(check(0, kForeign, 8, root, {}) == "the old root is not that of an empty tree");
    CHECK(check(0, empty, 8, root, {kForeign}) ==
          "the consistency path is too long: the old tree is empty");
    CHECK(check(4, published_root(4), UINT64_MAX, root, {kForeign}) ==
          "the consistency path is too short");
}
