#pragma once

#include "base/result.h"
#include "claw/merkle.h"
#include "claw/tile.h"

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

/// A log's tree, kept in tiles (C2SP tlog-tiles v0.1.0): how it grows, and the proofs it gives
/// (RFC 9162 sections 2.1.3.1 and 2.1.4.1).
namespace clawsigner::claw {

/// Where tiles are read from: a database, a directory, a socket.
class TileSource {
public:
    TileSource() = default;
    TileSource(const TileSource&) = delete;
    TileSource& operator=(const TileSource&) = delete;
    virtual ~TileSource() = default;

    /// The first `id.width` hashes of the tile, exactly; the tile may have become wider since.
    virtual Result<std::vector<TreeHash>> tile(const TileId& id) const = 0;
};

/// A tile that will not change any more.
struct FullTile {
    unsigned level = 0;
    std::uint64_t index = 0;
    std::vector<TreeHash> hashes;  // kTileWidth
};

/// The right edge of a growing tree: for every level the hashes of its tile that is not full yet.
/// Its memory does not grow with the tree.
class TileTree {
public:
    TileTree() = default;  // empty

    /// The tree of `size` leaves; reads the partial tile of every level. Errors: as the source's;
    /// internal, when it gave a tile of another width.
    static Result<TileTree> load(std::uint64_t size, const TileSource& source);

    /// The tiles that this leaf made full, lowest level first. A full tile's tree_hash stands in
    /// the edge of the next level.
    std::vector<FullTile> append(const TreeHash& leaf);

    std::uint64_t size() const noexcept { return size_; }
    TreeHash root() const;
    /// The hashes of the level's partial tile; none when there is no such tile.
    std::span<const TreeHash> edge(unsigned level) const;

private:
    std::uint64_t size_ = 0;
    std::array<std::vector<TreeHash>, kTreeLevels> edges_;
};

/// A tree as it was at one size, however large it is by now. Reads no tile twice and hashes no node
/// twice, so that many proofs cost little more than one. One thread at a time. Errors of all: as
/// the source's; internal, when it gave a tile of another width.
class TreeReader {
public:
    /// `source` outlives the reader.
    TreeReader(std::uint64_t size, const TileSource& source) : size_(size), source_(source) {}

    Result<TreeHash> root();

    /// RFC 9162 section 2.1.3.1, from the leaf's sibling up. Error: proof_invalid, when `index` is
    /// not below the size.
    Result<std::vector<TreeHash>> inclusion_path(std::uint64_t index);

    /// RFC 9162 section 2.1.4.1, from the tree of `old_size` to this one; empty when they are of
    /// one size or the old one was empty. Error: proof_invalid, when `old_size` is above the size.
    Result<std::vector<TreeHash>> consistency_path(std::uint64_t old_size);

    /// How many tiles it has read and keeps.
    std::size_t tiles() const noexcept { return tiles_.size(); }

private:
    /// A tile, and of the nodes above its hashes those that were asked for: the one above both 2n
    /// and 2n + 1 is n, as in a heap.
    struct Tile {
        std::vector<TreeHash> hashes;
        std::array<TreeHash, kTileWidth> nodes{};
        std::bitset<kTileWidth> known;
    };
    /// Leaves from `begin` to before `end`: a whole subtree, or all that is right of some.
    struct Leaves {
        std::uint64_t begin;
        std::uint64_t end;

        std::uint64_t count() const noexcept { return end - begin; }
        std::uint64_t middle() const noexcept;
    };

    Result<std::vector<TreeHash>> hashes_of(std::span<const Leaves> siblings);
    Result<TreeHash> hash_of(Leaves leaves);
    Result<TreeHash> subtree_hash(Leaves leaves);
    Result<Tile*> tile(unsigned level, std::uint64_t index);
    static const TreeHash& node(Tile& tile, std::size_t number);

    std::uint64_t size_;
    const TileSource& source_;
    std::map<std::pair<unsigned, std::uint64_t>, Tile> tiles_;
};

/// One question to a TreeReader of this size.
Result<TreeHash> root_at(std::uint64_t size, const TileSource& source);
Result<std::vector<TreeHash>> inclusion_path(std::uint64_t index, std::uint64_t size,
                                             const TileSource& source);
Result<std::vector<TreeHash>> consistency_path(std::uint64_t old_size, std::uint64_t new_size,
                                               const TileSource& source);

}  // namespace clawsigner::claw
