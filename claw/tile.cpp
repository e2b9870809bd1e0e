#include "claw/tile.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace clawsigner::claw {
namespace {

constexpr std::string_view kTiles = "tile/";
constexpr std::string_view kEntries = "tile/entries/";
constexpr std::string_view kPartial = ".p/";
constexpr std::size_t kHashBytes = sizeof(TreeHash);

Error unreadable(std::string_view why) {
    return Error(ErrorCode::invalid_field, std::string(why));
}

std::string three_digits(std::uint64_t number) {
    std::string text = std::to_string(number);
    return text.insert(0, 3 - text.size(), '0');
}

/// "x001/x234/067"
std::string index_path(std::uint64_t index) {
    std::string path = three_digits(index % 1000);
    for (index /= 1000; index > 0; index /= 1000) {
        path.insert(0, "x" + three_digits(index % 1000) + "/");
    }
    return path;
}

std::string bundle_path(std::uint64_t index, std::size_t width) {
    std::string path = index_path(index);
    if (width != kTileWidth) {
        path.append(kPartial).append(std::to_string(width));
    }
    return path;
}

/// The digits of "x001/x234/067", or nothing when they are none. Whether they are in groups of
/// three is seen when the path is printed again.
std::optional<std::uint64_t> index_in(std::string_view path) {
    std::string digits;
    std::ranges::copy_if(path, std::back_inserter(digits),
                         [](char c) { return c != 'x' && c != '/'; });
    if (digits.empty()) {
        return std::nullopt;
    }
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
    const auto index = base::decimal_decode(digits);
    return index.ok() ? std::optional(*index) : std::nullopt;
}

/// "x001/x234/067.p/8", not yet held against how it is printed.
std::optional<BundleId> bundle_in(std::string_view path) {
    BundleId id;
    if (const std::size_t dot = path.find(kPartial); dot != std::string_view::npos) {
        const auto width = base::decimal_decode(path.substr(dot + kPartial.size()));
        if (!width.ok() || *width == 0 || *width >= kTileWidth) {
            return std::nullopt;
        }
        id.width = *width;
        path = path.substr(0, dot);
    }
    if (path.empty()) {
        return std::nullopt;
    }
    const auto index = index_in(path);
    if (!index) {
        return std::nullopt;
    }
    id.index = *index;
    return id;
}

/// Two bytes, big-endian.
Result<std::string> length_prefix(const std::string& entry) {
    if (entry.size() > kMaxEntryBytes) {
        return Error(ErrorCode::internal, "an entry of a log has at most 65535 bytes");
    }
    return std::string{static_cast<char>(entry.size() >> 8U), static_cast<char>(entry.size())};
}

std::size_t length_at(std::string_view content) {
    return static_cast<std::size_t>(static_cast<std::uint8_t>(content[0])) << 8U |
           static_cast<std::uint8_t>(content[1]);
}

}  // namespace

std::string tile_path(const TileId& id) {
    return std::string(kTiles) + std::to_string(id.level) + "/" + bundle_path(id.index, id.width);
}

std::string entries_path(std::uint64_t index, std::size_t width) {
    return std::string(kEntries) + bundle_path(index, width);
}

Result<TileId> parse_tile_path(std::string_view path) {
    const Error error = unreadable("is not a tile's path");
    const std::size_t slash = path.find('/', std::min(kTiles.size(), path.size()));
    if (!path.starts_with(kTiles) || slash == std::string_view::npos) {
        return error;
    }
    const auto level = base::decimal_decode(path.substr(kTiles.size(), slash - kTiles.size()));
    const auto bundle = bundle_in(path.substr(slash + 1));
    if (!level.ok() || *level > kMaxTileLevel || !bundle) {
        return error;
    }
    const TileId id{static_cast<unsigned>(*level), bundle->index, bundle->width};
    if (tile_path(id) != path) {
        return error;
    }
    return id;
}

Result<BundleId> parse_entries_path(std::string_view path) {
    const Error error = unreadable("is not the path of a bundle of entries");
    if (!path.starts_with(kEntries)) {
        return error;
    }
    const auto id = bundle_in(path.substr(kEntries.size()));
    if (!id || entries_path(id->index, id->width) != path) {
        return error;
    }
    return *id;
}

std::string encode_tile(std::span<const TreeHash> hashes) {
    std::string content;
    content.reserve(hashes.size() * kHashBytes);
    for (const TreeHash& hash : hashes) {
        content.append(hash.begin(), hash.end());
    }
    return content;
}

Result<std::vector<TreeHash>> decode_tile(ByteView content, std::size_t width) {
    if (width == 0 || width > kTileWidth || content.size() != width * kHashBytes) {
        return unreadable("is not a tile of this width: 32 bytes for every hash");
    }
    std::vector<TreeHash> hashes(width);
    for (std::size_t i = 0; i < width; ++i) {
        std::ranges::copy(content.subspan(i * kHashBytes, kHashBytes), hashes[i].begin());
    }
    return hashes;
}

std::string encode_entries(std::span<const std::string> entries) {
    std::string content;
    for (const std::string& entry : entries) {
        content.append(length_prefix(entry).value()).append(entry);
    }
    return content;
}

Result<std::vector<std::string>> decode_entries(std::string_view content, std::size_t width) {
    std::vector<std::string> entries;
    while (!content.empty()) {
        if (content.size() < 2 || content.size() - 2 < length_at(content)) {
            return unreadable("is not a bundle of entries: the last one is cut off");
        }
        if (entries.size() == width) {
            return unreadable("is not a bundle of this width: it has more entries");
        }
        entries.emplace_back(content.substr(2, length_at(content)));
        content.remove_prefix(2 + entries.back().size());
    }
    if (entries.size() != width) {
        return unreadable("is not a bundle of this width: it has fewer entries");
    }
    return entries;
}

}  // namespace clawsigner::claw
