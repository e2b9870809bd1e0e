#include "service/proofs.h"

#include "service/published_tiles.h"

#include <utility>

namespace clawsigner::service {

/// The tree under one checkpoint, and what was read of it.
struct Proofs::Reading {
    Reading(ledger::Log& log, std::shared_ptr<const ledger::Published> published)
        : under(std::move(published)),
          tiles(log, *under->head),
          reader(under->head->size(), tiles) {}

    const std::shared_ptr<const ledger::Published> under;
    const PublishedTiles tiles;
    claw::TreeReader reader;
};

Proofs::Proofs(ledger::Log& log) : log_(log) {}
Proofs::~Proofs() = default;

Result<std::vector<claw::TreeHash>> Proofs::inclusion_path(
    std::shared_ptr<const ledger::Published> under, std::uint64_t leaf) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) {
        return Reading(log_, std::move(under)).reader.inclusion_path(leaf);
    }
    if (!reading_ || reading_->under != under || reading_->reader.tiles() >= kMostTiles) {
        reading_ = std::make_unique<Reading>(log_, std::move(under));
    }
    return reading_->reader.inclusion_path(leaf);
}

}  // namespace clawsigner::service
