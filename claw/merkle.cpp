#include "claw/merkle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <vector>

namespace clawsigner::claw {
namespace {

constexpr std::uint8_t kLeaf = 0x00;
constexpr std::uint8_t kNode = 0x01;

Error does_not_hold(std::string_view why) {
    return Error(ErrorCode::proof_invalid, std::string(why));
}

/// Where a proof stands on its way up: a node's number within its level, and the last one's.
struct Place {
    std::uint64_t node;
    std::uint64_t last;

    bool at_root() const { return last == 0; }
    bool is_right() const { return (node & 1U) != 0; }
    bool is_last() const { return node == last; }
    void rise(int levels = 1) {
        node >>= levels;
        last >>= levels;
    }
    /// The last node has no sibling where it is a left one: it rises alone. Not at the root.
    void rise_to_sibling() {
        if (!is_right()) {
            rise(std::countr_zero(node));
        }
    }
};

Status check_equal_trees(const TreeHash& old_root, const TreeHash& new_root,
                         std::span<const TreeHash> path) {
    if (!path.empty()) {
        return does_not_hold("the consistency path is too long: the trees are of one size");
    }
    if (old_root != new_root) {
        return does_not_hold("the two trees are of one size and have different roots");
    }
    return Status::done();
}

Status check_from_nothing(const TreeHash& old_root, std::span<const TreeHash> path) {
    if (!path.empty()) {
        return does_not_hold("the consistency path is too long: the old tree is empty");
    }
    if (old_root != tree_hash({})) {
        return does_not_hold("the old root is not that of an empty tree");
    }
    return Status::done();
}

}  // namespace

TreeHash leaf_hash(ByteView entry) {
    Bytes bytes;
    bytes.reserve(1 + entry.size());
    bytes.push_back(kLeaf);
    bytes.insert(bytes.end(), entry.begin(), entry.end());
    return crypto::sha256(bytes);
}

TreeHash node_hash(const TreeHash& left, const TreeHash& right) {
    std::array<std::uint8_t, 65> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    bytes[0] = kNode;
    std::ranges::copy(left, bytes.begin() + 1);
    std::ranges::copy(right, bytes.begin() + 33);
    return crypto::sha256(bytes);
}

TreeHash tree_hash(std::span<const TreeHash> hashes) {
    if (hashes.empty()) {
        return crypto::sha256(ByteView());
    }
    // Pairing from the left and letting an odd last node rise is the RFC's split at the largest
    // power of two, seen from below.
    std::vector<TreeHash> level(hashes.begin(), hashes.end());
    while (level.size() > 1) {
        const std::size_t pairs = level.size() / 2;
        for (std::size_t i = 0; i < pairs; ++i) {
            level[i] = node_hash(level[2 * i], level[2 * i + 1]);
        }
        if (level.size() % 2 != 0) {
            level[pairs] = level.back();
        }
        level.resize((level.size() + 1) / 2);
    }
    return level.front();
}

Status check_inclusion(const TreeHash& leaf, std::uint64_t index, std::uint64_t size,
                       std::span<const TreeHash> path, const TreeHash& root) {
    if (index >= size) {
        return does_not_hold("the index is not below the tree's size");
    }
    Place at{index, size - 1};
    TreeHash hash = leaf;
    for (const TreeHash& sibling : path) {
        if (at.at_root()) {
            return does_not_hold("the inclusion path is too long");
        }
        if (at.is_right() || at.is_last()) {
            hash = node_hash(sibling, hash);
            at.rise_to_sibling();
        } else {
            hash = node_hash(hash, sibling);
        }
        at.rise();
    }
    if (!at.at_root()) {
        return does_not_hold("the inclusion path is too short");
    }
    if (hash != root) {
        return does_not_hold("the inclusion path does not lead to the root");
    }
    return Status::done();
}

Status check_consistency(std::uint64_t old_size, const TreeHash& old_root, std::uint64_t new_size,
                         const TreeHash& new_root, std::span<const TreeHash> path) {
    if (old_size > new_size) {
        return does_not_hold("the old tree is larger than the new one");
    }
    if (old_size == new_size) {
        CHECK_OK(check_equal_trees(old_root, new_root, path));
        return old_size == 0 ? check_from_nothing(old_root, path) : Status::done();
    }
    if (old_size == 0) {
        return check_from_nothing(old_root, path);
    }
    // The old tree's last node that is whole: a left one, or the root of the old tree itself.
    Place at{old_size - 1, new_size - 1};
    at.rise(std::countr_one(at.node));
    const bool starts_at_old_root = std::has_single_bit(old_size);
    if (path.empty()) {
        return does_not_hold("the consistency path is too short");
    }
    TreeHash old_hash = starts_at_old_root ? old_root : path.front();
    TreeHash new_hash = old_hash;
    for (const TreeHash& sibling : path.subspan(starts_at_old_root ? 0 : 1)) {
        if (at.at_root()) {
            return does_not_hold("the consistency path is too long");
        }
        if (at.is_right() || at.is_last()) {
            old_hash = node_hash(sibling, old_hash);
            new_hash = node_hash(sibling, new_hash);
            at.rise_to_sibling();
        } else {
            new_hash = node_hash(new_hash, sibling);
        }
        at.rise();
    }
    if (!at.at_root()) {
        return does_not_hold("the consistency path is too short");
    }
    if (old_hash != old_root) {
        return does_not_hold("the consistency path does not lead to the old root");
    }
    if (new_hash != new_root) {
        return does_not_hold("the consistency path does not lead to the new root");
    }
    return Status::done();
}

}  // namespace clawsigner::claw
