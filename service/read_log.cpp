#include "service/read_log.h"

#include "claw/pruned.h"
#include "claw/tlog_proof.h"
#include "service/proofs.h"

#include <utility>

namespace clawsigner::service {
namespace {

Result<std::shared_ptr<const ledger::Published>> published(const Appliance& appliance) {
    auto latest = appliance.ledger->published();
    if (!latest) {
        CHECK_OK(appliance.ledger->ready());
        return Error(ErrorCode::not_yet,
                     "the log has no checkpoint of this start yet; ask again in a second");
    }
    return latest;
}

}  // namespace

Result<std::string> log_checkpoint(const Appliance& appliance) {
    TRY(const auto latest, published(appliance));
    return latest->note;
}

Result<std::string> log_tile(const Appliance& appliance, const claw::TileId& id) {
    TRY(const auto hashes, appliance.ledger->tile(id));
    return claw::encode_tile(hashes);
}

Result<std::string> log_entries(const Appliance& appliance, std::uint64_t index,
                                std::size_t width) {
    TRY(const auto latest, published(appliance));
    const std::uint64_t pruned =
        claw::pruned_until(*appliance.ledger->settings(), latest->head->size());
    // Also of a bundle that is whole because its leaves made state: what is served is the log's
    // end, without a gap.
    if (index > latest->head->size() / claw::kTileWidth) {
        return Error(ErrorCode::not_found, "the log's newest checkpoint has not these entries");
    }
    if (index < pruned / claw::kTileWidth) {
        return Error(ErrorCode::not_found, "the log was pruned: its entries begin at leaf " +
                                               std::to_string(pruned) +
                                               "; an export from before holds these");
    }
    TRY(const auto bodies, appliance.ledger->leaves(index * claw::kTileWidth, width));
    return claw::encode_entries(bodies);
}

Result<std::string> log_proof(const Appliance& appliance, std::uint64_t leaf) {
    TRY(const auto latest, published(appliance));
    if (latest->head->size() <= leaf) {
        return Error(ErrorCode::not_yet, "leaf " + std::to_string(leaf) +
                                             " is under no checkpoint yet; ask again in a second");
    }
    TRY(auto bodies, appliance.ledger->leaves(leaf, 1));
    claw::TlogProof proof;
    proof.index = leaf;
    TRY(proof.path, appliance.proofs->inclusion_path(latest, leaf));
    proof.checkpoint = latest->note;
    const ByteView body = base::as_bytes(bodies.front());
    proof.extra.assign(body.begin(), body.end());
    return claw::print_proof(proof);
}

Result<std::string> log_proof(const Appliance& appliance, crypto::Family family,
                              std::string_view id) {
    TRY(const std::uint64_t leaf, appliance.ledger->leaf_of(family, id));
    return log_proof(appliance, leaf);
}

}  // namespace clawsigner::service
