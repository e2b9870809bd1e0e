#include "attest/log_files.h"

#include "claw/leaf.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace clawsigner::attest {
namespace {

Error refused(std::string what) {
    return {ErrorCode::proof_invalid, std::move(what)};
}

std::optional<std::string> log_key_in(const std::string& body) {
    const auto leaf = claw::parse_leaf(body);
    const auto* setting = leaf.ok() ? std::get_if<claw::SettingLeaf>(&leaf->content) : nullptr;
    return setting != nullptr && setting->name == "log_key" ? std::optional(setting->value)
                                                            : std::nullopt;
}

}  // namespace

Result<std::uint64_t> stated_size(const std::string& note) {
    const std::size_t first = note.find('\n');
    const std::size_t second = first == std::string::npos ? first : note.find('\n', first + 1);
    if (second == std::string::npos) {
        return refused("the checkpoint is not a checkpoint");
    }
    const auto size =
        base::decimal_decode(std::string_view(note).substr(first + 1, second - first - 1));
    return size.ok() ? size : refused("the checkpoint is not a checkpoint: it says no size");
}

std::size_t tile_width(unsigned level, std::uint64_t index, std::uint64_t size) noexcept {
    if (level >= claw::kTreeLevels) {
        return 0;
    }
    const std::uint64_t nodes = size >> (8U * level);
    if (index > nodes / claw::kTileWidth) {
        return 0;
    }
    return static_cast<std::size_t>(
        std::min<std::uint64_t>(claw::kTileWidth, nodes - index * claw::kTileWidth));
}

Result<std::vector<claw::TreeHash>> FileTiles::tile(const claw::TileId& id) const {
    const std::size_t width = tile_width(id.level, id.index, size_);
    const std::string path = claw::tile_path({id.level, id.index, std::max(width, id.width)});
    TRY(const std::string content, files_.read(path));
    auto hashes = claw::decode_tile(base::as_bytes(content), std::max(width, id.width));
    if (!hashes.ok()) {
        return refused(path + " " + hashes.error().message);
    }
    hashes->resize(id.width);
    return hashes;
}

Result<claw::NoteKey> stated_key(LogFiles& files) {
    TRY(const std::string note, files.read("checkpoint"));
    TRY(const std::uint64_t size, stated_size(note));
    for (std::uint64_t index = 0; tile_width(0, index, size) > 0; ++index) {
        const std::size_t width = tile_width(0, index, size);
        const std::string path = claw::entries_path(index, width);
        TRY(const std::string content, files.read(path));
        const auto bodies = claw::decode_entries(content, width);
        if (!bodies.ok()) {
            return refused(path + " " + bodies.error().message);
        }
        for (const std::string& body : *bodies) {
            if (const auto text = log_key_in(body)) {
                return claw::NoteKey::parse(*text);
            }
        }
    }
    return refused("no leaf of the log names its key");
}

Status check_consistent(LogFiles& files, const claw::Checkpoint& old,
                        const claw::Checkpoint& newest) {
    const std::string sizes =
        "of " + std::to_string(old.size) + " leaves, the newest has " + std::to_string(newest.size);
    if (old.size > newest.size) {
        return refused("rolled back: the log has had a checkpoint " + sizes);
    }
    TRY(const auto path,
        claw::consistency_path(old.size, newest.size, FileTiles(files, newest.size)));
    const Status holds =
        claw::check_consistency(old.size, old.root, newest.size, newest.root, path);
    return holds.ok() ? holds
                      : Status(refused("forked: the log does not continue its checkpoint " + sizes +
                                       ": " + holds.error().message));
}

}  // namespace clawsigner::attest
