#pragma once

#include "claw/tile_tree.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace clawsigner::tests {

/// A log's tiles in memory, filled as a log fills its own: full tiles when they become full, and
/// the tree's edge. Counts what is read of it.
class MemoryLog final : public claw::TileSource {
public:
    MemoryLog() = default;
    explicit MemoryLog(std::uint64_t leaves) { grow(leaves); }

    void append(const claw::TreeHash& leaf) {
        for (claw::FullTile& tile : tree.append(leaf)) {
            full_[{tile.level, tile.index}] = std::move(tile.hashes);
        }
    }
    /// Until there are so many; each leaf is the hash of its number, in decimal.
    void grow(std::uint64_t leaves) {
        while (tree.size() < leaves) {
            append(leaf(tree.size()));
        }
    }
    static claw::TreeHash leaf(std::uint64_t index) {
        return claw::leaf_hash(base::as_bytes(std::to_string(index)));
    }

    Result<std::vector<claw::TreeHash>> tile(const claw::TileId& id) const override {
        ++reads[{id.level, id.index}];
        const auto full = full_.find({id.level, id.index});
        const auto edge = tree.edge(id.level);
        std::vector<claw::TreeHash> hashes =
            full != full_.end() ? full->second : std::vector(edge.begin(), edge.end());
        if (id.width == 0 || id.width > hashes.size()) {
            return Error(ErrorCode::not_found, "there is no " + claw::tile_path(id));
        }
        hashes.resize(id.width);
        return hashes;
    }

    claw::TileTree tree;
    mutable std::map<std::pair<unsigned, std::uint64_t>, int> reads;

private:
    std::map<std::pair<unsigned, std::uint64_t>, std::vector<claw::TreeHash>> full_;
};

}  // namespace clawsigner::tests
