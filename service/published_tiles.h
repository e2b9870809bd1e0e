#pragma once

#include "claw/tile_tree.h"
#include "ledger/log.h"

#include <vector>

namespace clawsigner::service {

/// The log's tiles as of one checkpoint, also while it grows.
class PublishedTiles final : public claw::TileSource {
public:
    /// Both outlive it.
    PublishedTiles(ledger::Log& log, const claw::TileTree& tree) : log_(log), tree_(tree) {}

    /// Errors: as Log::tile.
    Result<std::vector<claw::TreeHash>> tile(const claw::TileId& id) const override {
        const std::uint64_t full = (tree_.size() >> (8U * id.level)) / claw::kTileWidth;
        if (id.index < full) {
            return log_.tile(id);
        }
        const auto edge = tree_.edge(id.level);
        if (id.width > edge.size()) {
            return Error(ErrorCode::not_found, "the log has no such tile");
        }
        return std::vector<claw::TreeHash>(edge.begin(),
                                           edge.begin() + static_cast<std::ptrdiff_t>(id.width));
    }

private:
    ledger::Log& log_;
    const claw::TileTree& tree_;
};

}  // namespace clawsigner::service
