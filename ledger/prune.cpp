#include "ledger/prune.h"

#include "claw/leaf.h"
#include "claw/pruned.h"

#include <string>
#include <vector>

namespace clawsigner::ledger {
namespace {

/// Leaves of one step, in their order.
struct Looked {
    PruneStep step;
    std::vector<std::int64_t> to_drop;
};

Status look_at(Looked& looked, const Statement& row) {
    const std::int64_t index = row.integer(0);
    looked.step.next = static_cast<std::uint64_t>(index) + 1;
    const auto leaf = claw::parse_leaf(row.text(1));
    if (!leaf.ok()) {
        return Error(ErrorCode::ledger_damaged,
                     "leaf " + std::to_string(index) + ": " + leaf.error().message);
    }
    if (claw::is_kept(leaf->content)) {
        return Status::done();
    }
    if (row.integer(2) != 0) {
        looked.step.waits = true;
        return Status::done();
    }
    looked.to_drop.push_back(index);
    return Status::done();
}

Result<Looked> look(Database& database, std::uint64_t first, std::uint64_t until, UnixMillis now) {
    TRY(Statement rows,
        database.prepare("SELECT idx, body, EXISTS (SELECT 1 FROM answer WHERE answer.leaf = "
                         "leaf.idx AND answer.until >= ?) FROM leaf WHERE idx >= ? AND idx < ? "
                         "ORDER BY idx LIMIT ?"));
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
    rows.bind(1, seconds)
        .bind(2, static_cast<std::int64_t>(first))
        .bind(3, static_cast<std::int64_t>(until))
        .bind(4, kLeavesAStep);
    Looked looked;
    for (std::int64_t count = 0; true; ++count) {
        TRY(const bool more, rows.next());
        if (!more) {
            looked.step.next = count == kLeavesAStep ? looked.step.next : until;
            return looked;
        }
        CHECK_OK(look_at(looked, rows));
    }
}

}  // namespace

Result<PruneStep> drop_bodies(Database& database, std::uint64_t first, std::uint64_t until,
                              UnixMillis now) {
    TRY(Looked looked, look(database, first, until, now));
    TRY(Statement drop, database.prepare("DELETE FROM leaf WHERE idx = ?"));
    for (const std::int64_t index : looked.to_drop) {
        CHECK_OK(drop.reset().bind(1, index).run());
    }
    looked.step.dropped = looked.to_drop.size();
    return looked.step;
}

}  // namespace clawsigner::ledger
