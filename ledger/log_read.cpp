#include "claw/pruned.h"
#include "ledger/file_log.h"

/// What is read of the log, beside the thread that writes.
namespace clawsigner::ledger {
namespace {

constexpr std::size_t kMostLeavesRead = 256;

Error no_artefact() {
    return {ErrorCode::not_found, "no artefact of this id is in the log"};
}

}  // namespace

std::optional<Outcome> FileLog::foresee(const claw::ArtefactLeaf& leaf, std::size_t items) {
    auto foreseen = readers_.with([&](View& view) { return Writer::foresee(view, leaf, items); });
    if (!foreseen.ok()) {
        return Outcome(without_paths(foreseen.error()));
    }
    return *std::move(foreseen);
}

Result<std::string> FileLog::document(const crypto::Sha256& digest) {
    auto read = readers_.with([&](View& view) { return view.document(digest); });
    if (!read.ok()) {
        return without_paths(read.error());
    }
    std::optional<std::string> found = std::move(read).value();
    if (!found || crypto::sha256(*found) != digest) {
        return Error(ErrorCode::not_found, "the ledger's document " +
                                               base::base64url_encode(digest) +
                                               (found ? " was changed" : " is missing"));
    }
    return *std::move(found);
}

Status FileLog::undamaged() const {
    const std::lock_guard lock(mutex_);
    return damaged_ ? Status(without_paths(*damaged_)) : Status::done();
}

/// What there is to read, or why there is nothing.
Result<std::shared_ptr<const Published>> FileLog::readable() const {
    CHECK_OK(undamaged());
    const std::lock_guard lock(mutex_);
    if (!published_) {
        return Error(ErrorCode::not_yet,
                     "the log has no checkpoint of this start yet; ask again in a second");
    }
    return published_;
}

Result<std::vector<claw::TreeHash>> FileLog::tile(const claw::TileId& id) {
    TRY(const auto latest, readable());
    // A tile's name may be of a level that no tree reaches.
    const std::uint64_t nodes =
        id.level < claw::kTreeLevels ? latest->head->size() >> (8U * id.level) : 0;
    const std::uint64_t full = nodes / claw::kTileWidth;
    if (id.index > full || (id.index == full && id.width > nodes % claw::kTileWidth)) {
        return Error(ErrorCode::not_found, "the log's newest checkpoint has no such tile");
    }
    if (id.index == full) {
        const auto edge = latest->head->edge(id.level);
        return std::vector<claw::TreeHash>(edge.begin(),
                                           edge.begin() + static_cast<std::ptrdiff_t>(id.width));
    }
    TRY(auto hashes, readers_.with([&](View& view) { return view.full_tile(id.level, id.index); }));
    hashes.resize(id.width);
    return hashes;
}

/// Why the body of a leaf is not there.
Error FileLog::unread(std::uint64_t leaf) const {
    const std::uint64_t until = claw::pruned_until(*settings());
    return leaf < until
               ? Error(ErrorCode::not_found,
                       "leaf " + std::to_string(leaf) + " was pruned, as all before leaf " +
                           std::to_string(until) +
                           " may be; an export of the log from before holds it")
               : Error(ErrorCode::ledger_damaged, "leaf " + std::to_string(leaf) + " is missing");
}

Result<UnixMillis> FileLog::latest_time() {
    const std::uint64_t size = head()->size();
    if (size == 0) {
        return UnixMillis();
    }
    auto read = readers_.with([&](View& view) { return view.leaf(size - 1); });
    if (!read.ok()) {
        return without_paths(read.error());
    }
    const std::optional<std::string> body = std::move(read).value();
    if (!body) {
        return UnixMillis();
    }
    TRY(const claw::Leaf leaf, claw::parse_leaf(*body));
    return leaf.time;
}

Result<std::vector<std::string>> FileLog::leaves(std::uint64_t first, std::size_t count) {
    TRY(const auto latest, readable());
    const std::uint64_t size = latest->head->size();
    if (count > kMostLeavesRead || first > size || count > size - first) {
        return Error(ErrorCode::not_found, "the log's newest checkpoint has not these leaves");
    }
    return readers_.with([&](View& view) -> Result<std::vector<std::string>> {
        std::vector<std::string> bodies;
        for (std::uint64_t index = first; index < first + count; ++index) {
            TRY(auto body, view.leaf(index));
            if (!body) {
                return unread(index);
            }
            bodies.push_back(*std::move(body));
        }
        return bodies;
    });
}

Result<std::uint64_t> FileLog::leaf_of(crypto::Family family, std::string_view id) {
    TRY(const auto leaf,
        readers_.with([&](View& view) { return view.leaf_of_id(claw::spent_id(family, id)); }));
    return leaf ? Result<std::uint64_t>(*leaf) : no_artefact();
}

Result<std::string> FileLog::body_of(crypto::Family family, std::string_view id) {
    CHECK_OK(undamaged());
    TRY(auto leaf,
        readers_.with([&](View& view) { return view.body_of_id(claw::spent_id(family, id)); }));
    if (!leaf) {
        return no_artefact();
    }
    return leaf->body ? Result<std::string>(*std::move(leaf->body)) : unread(leaf->index);
}

}  // namespace clawsigner::ledger
