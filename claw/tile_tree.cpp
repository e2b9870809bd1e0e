#include "claw/tile_tree.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

namespace clawsigner::claw {
namespace {

constexpr unsigned kTileHeight = 8;
static_assert(kTileWidth == 1U << kTileHeight);

/// How many whole nodes of a tile level a tree of `size` leaves has.
std::uint64_t nodes_at(unsigned level, std::uint64_t size) {
    return size >> (kTileHeight * level);
}

Result<std::vector<TreeHash>> read(const TileSource& source, const TileId& id) {
    TRY(auto hashes, source.tile(id));
    if (hashes.size() != id.width) {
        return Error(ErrorCode::internal, tile_path(id) + " was read with another width");
    }
    return hashes;
}

}  // namespace

Result<TileTree> TileTree::load(std::uint64_t size, const TileSource& source) {
    TileTree tree;
    tree.size_ = size;
    for (unsigned level = 0; level < kTreeLevels; ++level) {
        const std::uint64_t nodes = nodes_at(level, size);
        const std::size_t width = nodes % kTileWidth;
        if (width != 0) {
            TRY(tree.edges_[level], read(source, {level, nodes / kTileWidth, width}));
        }
    }
    return tree;
}

std::vector<FullTile> TileTree::append(const TreeHash& leaf) {
    ++size_;
    std::vector<FullTile> full;
    TreeHash hash = leaf;
    for (unsigned level = 0; level < kTreeLevels; ++level) {
        std::vector<TreeHash>& edge = edges_[level];
        edge.push_back(hash);
        if (edge.size() < kTileWidth) {
            break;
        }
        hash = tree_hash(edge);
        full.push_back({level, nodes_at(level, size_) / kTileWidth - 1, std::exchange(edge, {})});
    }
    return full;
}

TreeHash TileTree::root() const {
    std::vector<TreeHash> right;  // the root of what lies right of the level's edge, if anything
    for (const std::vector<TreeHash>& edge : edges_) {
        if (edge.empty()) {
            continue;
        }
        std::vector<TreeHash> hashes = edge;
        hashes.insert(hashes.end(), right.begin(), right.end());
        right = {tree_hash(hashes)};
    }
    return tree_hash(right);
}

std::span<const TreeHash> TileTree::edge(unsigned level) const {
    return level < kTreeLevels ? std::span<const TreeHash>(edges_[level])
                               : std::span<const TreeHash>();
}

Result<TreeHash> TreeReader::root() {
    return size_ == 0 ? Result<TreeHash>(tree_hash({})) : hash_of({0, size_});
}

Result<std::vector<TreeHash>> TreeReader::inclusion_path(std::uint64_t index) {
    if (index >= size_) {
        return Error(ErrorCode::proof_invalid, "the index is not below the tree's size");
    }
    std::vector<Leaves> siblings;
    for (Leaves tree{0, size_}; tree.count() > 1;) {
        const std::uint64_t middle = tree.middle();
        if (index < middle) {
            siblings.push_back({middle, tree.end});
            tree.end = middle;
        } else {
            siblings.push_back({tree.begin, middle});
            tree.begin = middle;
        }
    }
    return hashes_of(siblings);
}

Result<std::vector<TreeHash>> TreeReader::consistency_path(std::uint64_t old_size) {
    if (old_size > size_) {
        return Error(ErrorCode::proof_invalid, "the old tree is larger than the new one");
    }
    if (old_size == 0 || old_size == size_) {
        return std::vector<TreeHash>();
    }
    std::vector<Leaves> parts;
    Leaves tree{0, size_};
    while (tree.end != old_size) {
        const std::uint64_t middle = tree.middle();
        if (old_size <= middle) {
            parts.push_back({middle, tree.end});
            tree.end = middle;
        } else {
            parts.push_back({tree.begin, middle});
            tree.begin = middle;
        }
    }
    // Whoever asks knows the old tree's root, but not that of a part of it.
    if (tree.begin != 0) {
        parts.push_back(tree);
    }
    return hashes_of(parts);
}

/// RFC 9162 section 2.1.1: a tree of more than one leaf is split at the largest power of two below
/// their number.
std::uint64_t TreeReader::Leaves::middle() const noexcept {
    return begin + std::bit_floor(count() - 1);
}

/// `siblings` were met on the way down, a path goes up.
Result<std::vector<TreeHash>> TreeReader::hashes_of(std::span<const Leaves> siblings) {
    std::vector<TreeHash> path;
    path.reserve(siblings.size());
    for (auto leaves = siblings.rbegin(); leaves != siblings.rend(); ++leaves) {
        TRY(const TreeHash hash, hash_of(*leaves));
        path.push_back(hash);
    }
    return path;
}

Result<TreeHash> TreeReader::hash_of(Leaves leaves) {
    std::vector<TreeHash> subtrees;  // each larger than all that follow
    for (; !std::has_single_bit(leaves.count()); leaves.begin = leaves.middle()) {
        TRY(const TreeHash hash, subtree_hash({leaves.begin, leaves.middle()}));
        subtrees.push_back(hash);
    }
    TRY(TreeHash hash, subtree_hash(leaves));
    for (; !subtrees.empty(); subtrees.pop_back()) {
        hash = node_hash(subtrees.back(), hash);
    }
    return hash;
}

/// A power of two of leaves that begin at a multiple of their number.
Result<TreeHash> TreeReader::subtree_hash(Leaves leaves) {
    const auto height = static_cast<unsigned>(std::countr_zero(leaves.count()));
    const unsigned level = height / kTileHeight;
    const std::uint64_t first = nodes_at(level, leaves.begin);
    TRY(Tile* const found, tile(level, first / kTileWidth));
    return node(*found, (kTileWidth + first % kTileWidth) >> (height % kTileHeight));
}

Result<TreeReader::Tile*> TreeReader::tile(unsigned level, std::uint64_t index) {
    const auto [place, is_new] = tiles_.try_emplace({level, index});
    if (is_new) {
        const std::uint64_t rest = nodes_at(level, size_) - index * kTileWidth;
        auto hashes = read(source_, {level, index, std::min<std::uint64_t>(rest, kTileWidth)});
        if (!hashes.ok()) {
            tiles_.erase(place);
            return std::move(hashes).error();
        }
        place->second.hashes = *std::move(hashes);
    }
    return &place->second;
}

/// The tile's own hashes are the heap's last row: number kTileWidth and up.
const TreeHash& TreeReader::node(Tile& tile, std::size_t number) {
    if (number >= kTileWidth) {
        return tile.hashes[number - kTileWidth];
    }
    if (!tile.known[number]) {
        tile.nodes[number] = node_hash(node(tile, 2 * number), node(tile, 2 * number + 1));
        tile.known.set(number);
    }
    return tile.nodes[number];
}

Result<TreeHash> root_at(std::uint64_t size, const TileSource& source) {
    return TreeReader(size, source).root();
}

Result<std::vector<TreeHash>> inclusion_path(std::uint64_t index, std::uint64_t size,
                                             const TileSource& source) {
    return TreeReader(size, source).inclusion_path(index);
}

Result<std::vector<TreeHash>> consistency_path(std::uint64_t old_size, std::uint64_t new_size,
                                               const TileSource& source) {
    return TreeReader(new_size, source).consistency_path(old_size);
}

}  // namespace clawsigner::claw
