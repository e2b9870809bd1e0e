#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "claw/log_state.h"
#include "claw/tile_tree.h"
#include "ledger/database.h"
#include "ledger/log.h"
#include "ledger/prune.h"
#include "ledger/view.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace clawsigner::ledger {

/// Puts entries on disk: leaves, the full tiles they make, the state rows they explain and the
/// answers that are kept, a whole group in one transaction. Holds the right edge of the tree and
/// the state. One thread.
class Writer {
public:
    struct Limits {
        std::chrono::seconds keep_answers{300};
        std::uint64_t state_every = 10'000;
    };

    /// `tree` and `state` are what the database holds. Errors: as sqlite_error.
    static Result<Writer> of(Database database, claw::TileTree tree, claw::LogState state,
                             Limits limits);

    /// One outcome per entry, in order, all on disk. After an error nothing of the group is there.
    /// Errors: as sqlite_error; ledger_damaged, when another hand has written to the file.
    Result<std::vector<Outcome>> commit(std::span<const Entry* const> entries, UnixMillis now);

    /// What would become of an entry that begins with this leaf, when its names are spent already.
    static Result<std::optional<Outcome>> foresee(View& view, const claw::ArtefactLeaf& leaf,
                                                  std::size_t items);

    /// The last leaves: `stop`, and `state` with the digests of everything before it.
    Status close(UnixMillis now);

    Status put_checkpoint(std::uint64_t size, std::string_view note);
    /// A commit that changes nothing anybody reads: does the disk take it?
    Status probe();
    /// Lets go of answers that were kept long enough.
    Status drop_answers(UnixMillis now);
    /// One step of letting leaf bodies go (ledger/prune.h). Errors: as drop_bodies, commit.
    Result<PruneStep> prune(std::uint64_t first, std::uint64_t until, UnixMillis now);

    const claw::TileTree& tree() const noexcept { return tree_; }
    const claw::LogState& state() const noexcept { return state_; }

private:
    /// What a transaction would make of tree and state.
    struct Next {
        claw::TileTree tree;
        claw::LogState state;
        std::uint64_t latest_state_leaf = 0;
    };

    Writer(Database database, claw::TileTree tree, claw::LogState state, Limits limits);

    Status prepare();
    Status check_alone();
    Result<Outcome> put_entry(Next& next, const Entry& entry, UnixMillis now);
    Status put_item(Next& next, const Item& item, UnixMillis now);
    Status put_leaf(Next& next, const claw::Leaf& leaf);
    Status put_rows(Next& next, const claw::StateRows& rows);
    Status put_setting(const claw::SettingRow& setting);
    Status put_document(const std::string& text);
    Status put_state_leaf_when_due(Next& next, UnixMillis now);
    Status finish(Transaction transaction, Next next);

    Limits limits_;
    std::unique_ptr<Database> database_;  // statements hold on to its place
    View view_;
    claw::TileTree tree_;
    claw::LogState state_;
    std::uint64_t latest_state_leaf_ = 0;
    std::int64_t data_version_ = 0;

    Statement data_version_now_;
    Statement insert_leaf_;
    Statement insert_tile_;
    Statement insert_spent_;
    Statement put_setting_;
    Statement drop_setting_;
    Statement insert_answer_;
    Statement put_document_;
    Statement insert_checkpoint_;
    Statement drop_checkpoint_;
    Statement drop_answers_;
    Statement update_progress_;
    Statement update_probe_;
};

}  // namespace clawsigner::ledger
