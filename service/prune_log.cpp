#include "service/prune_log.h"

#include "base/encoding.h"
#include "claw/json_writer.h"
#include "claw/pruned.h"
#include "service/published_tiles.h"

#include <algorithm>
#include <limits>

namespace clawsigner::service {
namespace {

constexpr std::size_t kMaxRoot = 64;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 2;

claw::TreeHash read_root(claw::JsonReader& in, std::string_view name) {
    claw::TreeHash root{};
    const auto bytes = base::base64_decode(in.text(name, kMaxRoot));
    if (!bytes.ok() || bytes->size() != root.size()) {
        in.refuse(name, "must be a tree's root, as the line of a checkpoint has it");
        return root;
    }
    std::ranges::copy(*bytes, root.begin());
    return root;
}

std::uint64_t read_number(claw::JsonReader& in, std::string_view name) {
    return static_cast<std::uint64_t>(in.integer(name, 0, kMost));
}

Status check_numbers(const Pruning& pruning, const ledger::Log& log, std::uint64_t published) {
    if (pruning.until == 0 || pruning.until % claw::kTileWidth != 0) {
        return Error::at("until", "must be a multiple of 256");
    }
    if (pruning.until <= claw::pruned_until(*log.settings())) {
        return Error::at("until", "must be above what is pruned already");
    }
    if (pruning.state < pruning.until || pruning.state >= pruning.size) {
        return Error::at("state", "must be a leaf of the export, behind what is pruned");
    }
    return pruning.size <= published
               ? Status::done()
               : Status(Error::at("size", "must be under the log's newest checkpoint"));
}

Result<claw::Leaf> leaf_at(ledger::Log& log, std::uint64_t index) {
    TRY(const auto bodies, log.leaves(index, 1));
    return claw::parse_leaf(bodies.front());
}

Status check_leaves(const Pruning& pruning, ledger::Log& log) {
    TRY(const claw::Leaf state, leaf_at(log, pruning.state));
    if (!std::holds_alternative<claw::StateLeaf>(state.content)) {
        return Error::at("state", "must be a state leaf");
    }
    TRY(const claw::Leaf newest, leaf_at(log, pruning.until - 1));
    return newest.time < pruning.before
               ? Status::done()
               : Status(Error::at("until", "must have only older leaves before it"));
}

}  // namespace

std::string pruning_text(const Pruning& pruning) {
    return claw::JsonWriter()
        .time("before", pruning.before)
        .text("root", base::base64_encode(pruning.root))
        .integer("size", static_cast<std::int64_t>(pruning.size))
        .integer("state", static_cast<std::int64_t>(pruning.state))
        .integer("until", static_cast<std::int64_t>(pruning.until))
        .done();
}

Pruning read_pruning(claw::JsonReader& in) {
    Pruning pruning;
    pruning.before = in.time("before");
    pruning.root = read_root(in, "root");
    pruning.size = read_number(in, "size");
    pruning.state = read_number(in, "state");
    pruning.until = read_number(in, "until");
    return pruning;
}

Result<Pruning> parse_pruning(std::string_view text) {
    TRY(const claw::JsonValue document, claw::parse_json(text, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    const Pruning pruning = read_pruning(in);
    CHECK_OK(in.finish());
    return pruning;
}

Status may_prune(ledger::Log& log, const Pruning& pruning, UnixMillis now) {
    CHECK_OK(log.ready());
    const auto latest = log.published();
    if (!latest || !log.status().checked) {
        return Error(ErrorCode::not_yet, "the ledger is still held against itself; ask again");
    }
    if (pruning.before > now) {
        return Error::at("before", "must not be in the future");
    }
    CHECK_OK(check_numbers(pruning, log, latest->head->size()));
    TRY(const claw::TreeHash root, claw::root_at(pruning.size, PublishedTiles(log, *latest->head)));
    if (root != pruning.root) {
        return Error::at("root", "must be that of this log's first " +
                                     std::to_string(pruning.size) +
                                     " leaves: the export is another log's");
    }
    return check_leaves(pruning, log);
}

RowSet pruning_rows(const Pruning& pruning) {
    return {{std::string(claw::kPrunedRow), claw::pruned_value(pruning.until)}};
}

}  // namespace clawsigner::service
