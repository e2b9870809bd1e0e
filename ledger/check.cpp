#include "ledger/check.h"

#include "claw/checkpoint.h"
#include "claw/log_keys.h"
#include "claw/pruned.h"
#include "claw/tile.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace clawsigner::ledger {
namespace {

using claw::kTileWidth;
using claw::TreeHash;

Error damaged(std::string what) {
    return {ErrorCode::ledger_damaged, std::move(what)};
}

std::string named(std::uint64_t leaf) {
    return "leaf " + std::to_string(leaf);
}

Result<std::string> body_of(View& view, std::uint64_t index) {
    TRY(auto body, view.leaf(index));
    return body ? Result<std::string>(*std::move(body)) : damaged(named(index) + " is missing");
}

/// The right edge of a checked tree: for each level the hashes behind its last full tile.
class Edges final : public claw::TileSource {
public:
    Result<std::vector<TreeHash>> tile(const claw::TileId& id) const override {
        if (id.level >= levels_.size() || levels_[id.level].size() < id.width) {
            return damaged("the tree has no " + claw::tile_path(id));
        }
        const auto& hashes = levels_[id.level];
        return std::vector<TreeHash>(hashes.begin(),
                                     hashes.begin() + static_cast<std::ptrdiff_t>(id.width));
    }
    void add(std::vector<TreeHash> level) { levels_.push_back(std::move(level)); }

private:
    std::vector<std::vector<TreeHash>> levels_;
};

/// Any tile of the database, full or not.
class DatabaseTiles final : public claw::TileSource {
public:
    DatabaseTiles(View& view, const claw::TileTree& tree) : view_(view), tree_(tree) {}

    Result<std::vector<TreeHash>> tile(const claw::TileId& id) const override {
        const std::uint64_t nodes = tree_.size() >> (8U * id.level);
        if (id.index < nodes / kTileWidth) {
            TRY(auto hashes, view_.full_tile(id.level, id.index));
            hashes.resize(id.width);
            return hashes;
        }
        const auto edge = tree_.edge(id.level);
        if (edge.size() < id.width) {
            return damaged("the tree has no " + claw::tile_path(id));
        }
        return std::vector<TreeHash>(edge.begin(),
                                     edge.begin() + static_cast<std::ptrdiff_t>(id.width));
    }

private:
    View& view_;
    const claw::TileTree& tree_;
};

Result<std::vector<TreeHash>> tail_hashes(View& view, std::uint64_t size) {
    std::vector<TreeHash> hashes;
    for (std::uint64_t index = size - size % kTileWidth; index < size; ++index) {
        TRY(const std::string body, body_of(view, index));
        hashes.push_back(claw::leaf_hash(base::as_bytes(body)));
    }
    return hashes;
}

/// Reads a level's full tiles. `expected` are the hashes the level below gives them, none for level
/// 0. Returns the tiles' own hashes.
Result<std::vector<TreeHash>> check_level(View& view, unsigned level, std::uint64_t tiles,
                                          std::span<const TreeHash> expected) {
    std::vector<TreeHash> above;
    for (std::uint64_t index = 0; index < tiles; ++index) {
        TRY(const auto hashes, view.full_tile(level, index));
        if (level > 0 &&
            !std::ranges::equal(hashes, expected.subspan(index * kTileWidth, kTileWidth))) {
            return damaged(claw::tile_path({level, index, kTileWidth}) +
                           " does not hold the hashes of the tiles below it");
        }
        above.push_back(claw::tree_hash(hashes));
    }
    return above;
}

Result<claw::TileTree> checked_tree(View& view) {
    TRY(const std::uint64_t size, view.size());
    Edges edges;
    TRY(auto hashes, tail_hashes(view, size));
    edges.add(hashes);
    hashes.clear();
    std::uint64_t tiles = size / kTileWidth;
    std::uint64_t all_tiles = 0;
    for (unsigned level = 0; tiles > 0; ++level) {
        all_tiles += tiles;
        TRY(auto above, check_level(view, level, tiles, hashes));
        tiles = above.size() / kTileWidth;
        const auto behind = above.begin() + static_cast<std::ptrdiff_t>(tiles * kTileWidth);
        edges.add({behind, above.end()});
        hashes = std::move(above);
    }
    TRY(const std::uint64_t kept, view.tiles());
    if (kept != all_tiles) {
        return damaged("table tile: it has " + std::to_string(kept) + " tiles, " +
                       std::to_string(size) + " leaves make " + std::to_string(all_tiles));
    }
    return claw::TileTree::load(size, edges);
}

Result<claw::Checkpoint> opened(const std::string& note, const claw::LogState& state) {
    TRY(const auto keys, claw::log_keys(state.settings()));
    if (keys.empty()) {
        return damaged("there is a checkpoint, but no setting origin and log_key");
    }
    Result<claw::Checkpoint> checkpoint = Error();
    for (auto key = keys.rbegin(); key != keys.rend() && !checkpoint.ok(); ++key) {
        checkpoint = claw::open_checkpoint(note, *key, state.settings().at("origin").value);
    }
    return checkpoint;
}

Status check_checkpoint(View& view, Contents& contents) {
    if (!contents.note) {
        return Status::done();  // refusals can come before the key store first opens
    }
    const auto checkpoint = opened(*contents.note, contents.state);
    if (!checkpoint.ok()) {
        return damaged("the newest checkpoint: " + checkpoint.error().message);
    }
    contents.checkpoint = checkpoint->size;
    if (checkpoint->size > contents.tree.size()) {
        return damaged("the log has " + std::to_string(contents.tree.size()) +
                       " leaves, its newest checkpoint " + std::to_string(checkpoint->size));
    }
    TRY(const TreeHash root, claw::root_at(checkpoint->size, DatabaseTiles(view, contents.tree)));
    return root == checkpoint->root
               ? Status::done()
               : Status(damaged("the tree of the first " + std::to_string(checkpoint->size) +
                                " leaves is not the one of the newest checkpoint"));
}

/// Goes through the leaves and, in step with them, through the tables they explain.
class Walk {
public:
    static Result<Walk> of(Database& database) {
        Walk walk;
        TRY(walk.view_, View::of(database));
        TRY(walk.leaves_, database.prepare("SELECT idx, body FROM leaf ORDER BY idx"));
        TRY(walk.spent_, database.prepare("SELECT leaf, id, nonce FROM spent ORDER BY leaf"));
        TRY(walk.kept_, walk.view_.state());
        TRY(walk.size_, walk.view_.size());
        walk.pruned_ = claw::pruned_until(walk.kept_.settings());
        CHECK_OK(walk.next_spent());
        return walk;
    }

    /// False at the end.
    Result<bool> step() {
        TRY(const bool more, leaves_.next());
        if (!more) {
            return false;
        }
        CHECK_OK(pass_pruned(static_cast<std::uint64_t>(leaves_.integer(0))));
        CHECK_OK(check(leaves_.text(1)));
        ++next_;
        return true;
    }

    Status finish() {
        if (next_ != size_) {
            return damaged(named(next_) + " is missing");
        }
        return row_ ? unexplained(row_->leaf) : check_totals();
    }

private:
    static Status unexplained(std::uint64_t leaf) {
        return damaged("table spent: no leaf explains the row of leaf " + std::to_string(leaf));
    }

    /// Reads the next row of what is spent. One that is none has an id that no leaf has.
    Status next_spent() {
        TRY(const bool there, spent_.next());
        row_.reset();
        if (!there) {
            return Status::done();
        }
        row_.emplace();
        row_->leaf = static_cast<std::uint64_t>(spent_.integer(0));
        is_row_whole_ = read_name(spent_.bytes(1), row_->id);
        if (!spent_.is_null(2)) {
            is_row_whole_ = read_name(spent_.bytes(2), row_->nonce.emplace()) && is_row_whole_;
        }
        return is_row_whole_ ? check_found(*row_) : Status::done();
    }

    static bool read_name(ByteView bytes, claw::SpentName& name) {
        if (bytes.size() != name.size()) {
            return false;
        }
        std::ranges::copy(bytes, name.begin());
        return true;
    }

    /// Of leaves whose bodies may be gone the table itself says what they have spent: the next
    /// `state` leaf says whether that is all and true.
    Status pass_pruned(std::uint64_t index) {
        if (index > next_ && index > pruned_) {
            return damaged(named(std::max(next_, pruned_)) + " is missing");
        }
        for (; row_ && row_->leaf < index; passed_ = true) {
            if (row_->leaf < next_ || !is_row_whole_) {
                return unexplained(row_->leaf);
            }
            claw::StateRows rows;
            rows.leaf = row_->leaf;
            rows.spent = row_;
            CHECK_OK(state_.add(rows));
            CHECK_OK(next_spent());
        }
        next_ = index;
        return Status::done();
    }

    Status check(const std::string& body) {
        CHECK_OK(check_hash(body));
        auto leaf = claw::parse_leaf(body);
        if (!leaf.ok()) {
            return damaged(named(next_) + ": " + leaf.error().message);
        }
        if (const auto* said = std::get_if<claw::StateLeaf>(&leaf->content)) {
            CHECK_OK(check_stated(*said));
        }
        TRY(const claw::StateRows rows, claw::rows_of(next_, *leaf));
        if (rows.spent) {
            CHECK_OK(check_spent(*rows.spent));
        }
        return state_.add(rows);
    }

    Status check_stated(const claw::StateLeaf& said) {
        const claw::StateLeaf made = state_.digests();
        if (said == made) {
            passed_ = false;
            return Status::done();
        }
        const bool is_spent_alone = said.setting_sha256 == made.setting_sha256;
        return damaged(passed_ && is_spent_alone
                           ? "table spent: the rows of pruned leaves are not what " + named(next_) +
                                 " states of them"
                           : named(next_) + " states another state than the leaves before it make");
    }

    Status check_hash(const std::string& body) {
        const bool in_tile = next_ < size_ - size_ % kTileWidth;  // the tail is in no tile yet
        if (in_tile && (tile_.empty() || tile_index_ != next_ / kTileWidth)) {
            tile_index_ = next_ / kTileWidth;
            TRY(tile_, view_.full_tile(0, tile_index_));
        }
        return !in_tile || claw::leaf_hash(base::as_bytes(body)) == tile_[next_ % kTileWidth]
                   ? Status::done()
                   : Status(damaged(named(next_) + " is not the one in its tile"));
    }

    Status check_spent(const claw::SpentRow& row) {
        if (row_ && row_->leaf < row.leaf) {
            return unexplained(row_->leaf);
        }
        if (!is_row_whole_ || row_ != row) {
            return damaged("table spent: the row of leaf " + std::to_string(row.leaf) +
                           " is not there, or is not what that leaf says");
        }
        return next_spent();
    }

    /// By its indexes a name is known to be spent: one that does not lead there would let it be
    /// spent again.
    Status check_found(const claw::SpentRow& row) {
        TRY(const auto by_id, view_.leaf_of_id(row.id));
        bool is_found = by_id == row.leaf;
        if (is_found && row.nonce) {
            TRY(const auto by_nonce, view_.leaf_of_nonce(*row.nonce));
            is_found = by_nonce == row.leaf;
        }
        return is_found
                   ? Status::done()
                   : Status(damaged("table spent: its indexes do not lead to the row of leaf " +
                                    std::to_string(row.leaf)));
    }

    Status check_totals() const {
        for (const auto& [name, row] : kept_.settings()) {
            const auto made = state_.settings().find(name);
            if (made == state_.settings().end() || !(made->second == row)) {
                return damaged("table setting: no leaf explains the row " + name);
            }
        }
        if (kept_.settings().size() != state_.settings().size()) {
            return damaged("table setting: a row that a leaf made is missing");
        }
        return kept_.spent_digest() == state_.spent_digest()
                   ? Status::done()
                   : Status(damaged("table progress: its digest is not the one the leaves make"));
    }

    View view_;
    Statement leaves_;
    Statement spent_;
    claw::LogState kept_;
    claw::LogState state_;
    std::optional<claw::SpentRow> row_;  // of table spent, that no leaf has explained yet
    bool is_row_whole_ = true;
    bool passed_ = false;  // rows of pruned leaves, since the last `state` leaf
    std::vector<TreeHash> tile_;
    std::uint64_t tile_index_ = 0;
    std::uint64_t pruned_ = 0;
    std::uint64_t size_ = 0;
    std::uint64_t next_ = 0;
};

}  // namespace

Result<Contents> check_tiles(View& view) {
    Contents contents;
    TRY(contents.tree, checked_tree(view));
    TRY(contents.state, view.state());
    TRY(contents.note, view.latest_checkpoint());
    CHECK_OK(check_checkpoint(view, contents));
    return contents;
}

Status check_leaves(Database& database, const std::atomic<bool>& stopping) {
    // A deferred transaction: its first read fixes what all others see.
    CHECK_OK(database.execute("BEGIN"));
    auto walk = Walk::of(database);
    Status outcome = walk.status();
    bool more = outcome.ok();
    while (more && !stopping) {
        const auto stepped = walk->step();
        more = stepped.ok() && *stepped;
        outcome = stepped.status();
    }
    if (outcome.ok() && !stopping) {
        outcome = walk->finish();
    }
    walk = Error();  // its statements would keep the transaction open
    (void)database.execute("COMMIT");
    return outcome;
}

}  // namespace clawsigner::ledger
