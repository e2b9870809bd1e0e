#include "attest/pruned.h"

#include "claw/pruned.h"
#include "claw/tile.h"
#include "claw/tlog_proof.h"

#include <string_view>
#include <utility>
#include <vector>

namespace clawsigner::attest {
namespace {

using claw::kTileWidth;

constexpr std::string_view kEntries = "tile/entries/";

/// The leaves of an export, one after the other.
class Leaves {
public:
    Leaves(LogFiles& files, std::uint64_t size) : files_(files), size_(size) {}

    Result<std::string> body(std::uint64_t index) {
        if (bodies_.empty() || index / kTileWidth != bundle_) {
            CHECK_OK(load(index / kTileWidth));
        }
        return bodies_[index % kTileWidth];
    }
    Result<claw::Leaf> at(std::uint64_t index) {
        TRY(const std::string text, body(index));
        return claw::parse_leaf(text);
    }

private:
    Status load(std::uint64_t bundle) {
        const std::size_t width = tile_width(0, bundle, size_);
        TRY(const std::string content, files_.read(claw::entries_path(bundle, width)));
        TRY(bodies_, claw::decode_entries(content, width));
        bundle_ = bundle;
        return Status::done();
    }

    LogFiles& files_;
    std::uint64_t size_;
    std::uint64_t bundle_ = 0;
    std::vector<std::string> bodies_;
};

}  // namespace

Result<std::uint64_t> first_readable(LogFiles& files, std::uint64_t since, std::uint64_t size) {
    for (std::uint64_t index = since / kTileWidth; tile_width(0, index, size) > 0; ++index) {
        const auto found = files.read(claw::entries_path(index, tile_width(0, index, size)));
        if (found.ok()) {
            return index * kTileWidth;
        }
        if (found.error().code != ErrorCode::not_found) {
            return found.error();
        }
    }
    return since;
}

std::optional<std::uint64_t> pruned_by(const std::string& body) {
    if (body.find(claw::kPrunedRow) == std::string::npos) {
        return std::nullopt;  // nearly all: not worth reading
    }
    const auto leaf = claw::parse_leaf(body);
    const auto* act = leaf.ok() ? std::get_if<claw::ActLeaf>(&leaf->content) : nullptr;
    if (act == nullptr) {
        return std::nullopt;
    }
    const auto row = act->set.find(std::string(claw::kPrunedRow));
    if (row == act->set.end()) {
        return std::nullopt;
    }
    const std::optional<std::string>& value = row->second;
    return value ? std::optional(claw::pruned_until(std::string_view(*value))) : std::nullopt;
}

Result<std::string> WithOlder::read(const std::string& path) {
    auto text = log_.read(path);
    return text.ok() || text.error().code != ErrorCode::not_found || !path.starts_with(kEntries)
               ? text
               : older_.read(path);
}

Result<std::string> prove_leaf(LogFiles& files, std::uint64_t leaf) {
    claw::TlogProof proof;
    TRY(proof.checkpoint, files.read("checkpoint"));
    TRY(const std::uint64_t size, stated_size(proof.checkpoint));
    if (leaf >= size) {
        return Error(ErrorCode::not_found,
                     "the export has only " + std::to_string(size) + " leaves");
    }
    TRY(const std::string body, Leaves(files, size).body(leaf));
    proof.index = leaf;
    proof.extra.assign(body.begin(), body.end());
    TRY(proof.path, claw::inclusion_path(leaf, size, FileTiles(files, size)));
    return claw::print_proof(proof);
}

Result<PrunePlan> plan_pruning(LogFiles& files, const claw::Checkpoint& checkpoint,
                               UnixMillis before) {
    Leaves leaves(files, checkpoint.size);
    std::uint64_t old = 0;
    for (; old < checkpoint.size; ++old) {
        TRY(const claw::Leaf leaf, leaves.at(old));
        if (leaf.time >= before) {
            break;
        }
    }
    PrunePlan plan;
    plan.until = old - old % kTileWidth;
    if (plan.until == 0) {
        return Error(ErrorCode::not_found,
                     "fewer than 256 leaves of the export are that old; the "
                     "log is pruned in bundles of 256");
    }
    for (plan.state = plan.until; plan.state < checkpoint.size; ++plan.state) {
        TRY(const claw::Leaf leaf, leaves.at(plan.state));
        if (std::holds_alternative<claw::StateLeaf>(leaf.content)) {
            return plan;
        }
    }
    return Error(ErrorCode::not_found,
                 "no state leaf of the export stands behind what is that old; one is written when "
                 "clawsignerd stops: restart it, and export again");
}

}  // namespace clawsigner::attest
