#pragma once

#include "base/encoding.h"
#include "base/result.h"
#include "claw/merkle.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// C2SP tlog-tiles v0.1.0: a log's tree and entries as files that never change. Here are the names
/// and the contents of single files; claw/tile_tree.h makes a tree of them.
namespace clawsigner::claw {

inline constexpr std::size_t kTileWidth = 256;
/// 256^8 leaves are more than a size can say, so tiles of a real tree end at level 7; the
/// specification's paths go on to 63.
inline constexpr unsigned kTreeLevels = 8;
inline constexpr unsigned kMaxTileLevel = 63;
inline constexpr std::size_t kMaxEntryBytes = 65'535;

/// Which hashes a tile holds: those of the nodes of height 8 * level from index * 256 on.
struct TileId {
    unsigned level = 0;              // 0 to kMaxTileLevel
    std::uint64_t index = 0;         // within its level
    std::size_t width = kTileWidth;  // 1 to kTileWidth; below it the tile is partial

    friend bool operator==(const TileId&, const TileId&) = default;
};

/// The file of a tile, relative to the log's: "tile/0/x001/x234/067.p/8" ("Merkle Tree").
std::string tile_path(const TileId& id);
/// Accepts what tile_path gives and nothing else. Error: invalid_field without a field name.
Result<TileId> parse_tile_path(std::string_view path);

/// The file of a bundle of entries: "tile/entries/x001/x234/067.p/8" ("Log entries").
std::string entries_path(std::uint64_t index, std::size_t width);

/// Which entries a bundle holds: `width` of them, from index * 256 on.
struct BundleId {
    std::uint64_t index = 0;
    std::size_t width = kTileWidth;

    friend bool operator==(const BundleId&, const BundleId&) = default;
};
/// Accepts what entries_path gives and nothing else. Error: invalid_field without a field name.
Result<BundleId> parse_entries_path(std::string_view path);

/// A tile's content: the hashes, one behind the other.
std::string encode_tile(std::span<const TreeHash> hashes);
/// Error: invalid_field without a field name, when these are not exactly `width` hashes.
Result<std::vector<TreeHash>> decode_tile(ByteView content, std::size_t width);

/// A bundle's content: each entry behind its length, big-endian in two bytes. Every entry has at
/// most kMaxEntryBytes; a longer one ends the process, because there is no way to write it.
std::string encode_entries(std::span<const std::string> entries);
/// Error: invalid_field without a field name, when these are not exactly `width` entries.
Result<std::vector<std::string>> decode_entries(std::string_view content, std::size_t width);

}  // namespace clawsigner::claw
