#pragma once

#include "claw/leaf.h"
#include "claw/log_state.h"

#include <cstdint>
#include <string>
#include <string_view>

/// What a log lets go of: the bodies of leaves that make no state, below a point that its state
/// names. Their hashes stay in the tiles, so the tree is the same.
namespace clawsigner::claw {

/// The row that names the point: a leaf's number in decimal, a multiple of kTileWidth.
inline constexpr std::string_view kPrunedRow = "pruned/until";

/// The row's value for a point.
std::string pruned_value(std::uint64_t until);
/// The point that a value names; 0, which prunes nothing, when it names none.
std::uint64_t pruned_until(std::string_view value) noexcept;
/// The point that the state names.
std::uint64_t pruned_until(const Settings& settings);
/// The same, once the leaf that names it is one of the first `signed_size`, which a checkpoint
/// covers: bodies may not go, and are not denied, before everybody can see why.
std::uint64_t pruned_until(const Settings& settings, std::uint64_t signed_size);

/// Does the state, or what is signed of it, need this leaf to be read again? Such a leaf is kept:
/// every row of the state has the leaf that made it.
bool is_kept(const LeafContent& leaf) noexcept;

}  // namespace clawsigner::claw
