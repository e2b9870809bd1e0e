#include "attest/log_walk.h"

#include "claw/tile.h"

#include <vector>

namespace clawsigner::attest {
namespace {

using claw::kTileWidth;
using claw::TreeHash;

/// A file's content and what is in it; neither, when a fault was told.
template <class Content>
struct Read {
    std::string path;
    std::string text;
    std::optional<Content> content;
};

class Walk {
public:
    Walk(LogFiles& files, const claw::Checkpoint& checkpoint, LogVisitor& visitor,
         std::uint64_t bodies)
        : files_(files), checkpoint_(checkpoint), visitor_(visitor), bodies_(bodies) {}

    Status begin(std::uint64_t since) {
        TRY(tree_, claw::TileTree::load(since, FileTiles(files_, checkpoint_.size)));
        return Status::done();
    }

    Status run() {
        const std::uint64_t size = checkpoint_.size;
        for (std::uint64_t index = tree_.size() / kTileWidth; tile_width(0, index, size) > 0;
             ++index) {
            CHECK_OK(bundle(index, tile_width(0, index, size)));
            visitor_.progress(index * kTileWidth + tile_width(0, index, size), size);
        }
        return is_whole_ ? finish() : Status::done();
    }

private:
    /// A file that must be there; without content when it is not.
    Result<std::optional<std::string>> read(const std::string& path) {
        auto text = files_.read(path);
        if (text.ok()) {
            return std::optional(*std::move(text));
        }
        if (text.error().code != ErrorCode::not_found) {
            return text.error();
        }
        CHECK_OK(visitor_.fault({path + " is missing", std::nullopt}));
        return std::optional<std::string>();
    }

    Result<Read<std::vector<std::string>>> entries(std::uint64_t index, std::size_t width) {
        Read<std::vector<std::string>> file{claw::entries_path(index, width), {}, {}};
        if (index * kTileWidth < bodies_) {
            return file;
        }
        TRY(auto text, read(file.path));
        if (!text) {
            return file;
        }
        file.text = *std::move(text);
        auto bodies = claw::decode_entries(file.text, width);
        if (!bodies.ok()) {
            CHECK_OK(visitor_.fault({file.path + " " + bodies.error().message, std::nullopt}));
            return file;
        }
        file.content = *std::move(bodies);
        return file;
    }

    Result<Read<std::vector<TreeHash>>> leaf_tile(std::uint64_t index, std::size_t width) {
        Read<std::vector<TreeHash>> file{claw::tile_path({0, index, width}), {}, {}};
        TRY(auto text, read(file.path));
        if (!text) {
            return file;
        }
        file.text = *std::move(text);
        auto hashes = claw::decode_tile(base::as_bytes(file.text), width);
        if (!hashes.ok()) {
            CHECK_OK(visitor_.fault({file.path + " " + hashes.error().message, std::nullopt}));
            return file;
        }
        file.content = *std::move(hashes);
        return file;
    }

    Status bundle(std::uint64_t index, std::size_t width) {
        TRY(const auto bodies, entries(index, width));
        TRY(const auto tile, leaf_tile(index, width));
        std::vector<TreeHash> hashes;
        if (bodies.content) {
            for (const std::string& body : *bodies.content) {
                hashes.push_back(claw::leaf_hash(base::as_bytes(body)));
            }
        } else if (tile.content) {
            hashes = *tile.content;
        }
        if (bodies.content && tile.content) {
            CHECK_OK(compare(index * kTileWidth, hashes, *tile.content, tile.path));
        }
        if (bodies.content && tile.content && hashes == *tile.content) {
            CHECK_OK(visitor_.file(bodies.path, bodies.text));
            CHECK_OK(visitor_.file(tile.path, tile.text));
        }
        if (tile.content && index * kTileWidth < bodies_) {
            CHECK_OK(visitor_.file(tile.path, tile.text));  // the tiles above it say what it is
        }
        if (bodies.content) {
            CHECK_OK(show(index * kTileWidth, *bodies.content));
        }
        is_whole_ = is_whole_ && !hashes.empty();
        return is_whole_ ? grow(hashes) : Status::done();
    }

    Status compare(std::uint64_t first, const std::vector<TreeHash>& made,
                   const std::vector<TreeHash>& kept, const std::string& path) {
        for (std::size_t i = 0; i < made.size(); ++i) {
            if (made[i] != kept[i]) {
                CHECK_OK(visitor_.fault({"leaf " + std::to_string(first + i) +
                                             " is not the one whose hash stands in " + path,
                                         first + i}));
            }
        }
        return Status::done();
    }

    Status show(std::uint64_t first, const std::vector<std::string>& bodies) {
        for (const std::string& body : bodies) {
            CHECK_OK(visitor_.leaf(first++, body));
        }
        return Status::done();
    }

    Status grow(const std::vector<TreeHash>& leaves) {
        for (const TreeHash& leaf : leaves) {
            for (const claw::FullTile& tile : tree_.append(leaf)) {
                CHECK_OK(inner({tile.level, tile.index, kTileWidth}, tile.hashes));
            }
        }
        return Status::done();
    }

    /// Level 0 is read beside its entries.
    Status inner(const claw::TileId& id, std::span<const TreeHash> made) {
        if (id.level == 0) {
            return Status::done();
        }
        const std::string path = claw::tile_path(id);
        TRY(const auto text, read(path));
        if (!text) {
            return Status::done();
        }
        return *text == claw::encode_tile(made)
                   ? visitor_.file(path, *text)
                   : visitor_.fault(
                         {path + " does not hold the hashes of the tiles below it", std::nullopt});
    }

    Status finish() {
        for (unsigned level = 1; level < claw::kTreeLevels; ++level) {
            const auto edge = tree_.edge(level);
            if (!edge.empty()) {
                const std::uint64_t nodes = tree_.size() >> (8U * level);
                CHECK_OK(inner({level, nodes / kTileWidth, edge.size()}, edge));
            }
        }
        return tree_.root() == checkpoint_.root
                   ? Status::done()
                   : visitor_.fault({"the tree of the " + std::to_string(checkpoint_.size) +
                                         " leaves has another root than the checkpoint",
                                     std::nullopt});
    }

    LogFiles& files_;
    const claw::Checkpoint& checkpoint_;
    LogVisitor& visitor_;
    std::uint64_t bodies_;
    claw::TileTree tree_;
    bool is_whole_ = true;  // no bundle without both its entries and its tile so far
};

}  // namespace

Status walk_log(LogFiles& files, const claw::Checkpoint& checkpoint, std::uint64_t since,
                LogVisitor& visitor, std::uint64_t bodies) {
    if (since % kTileWidth != 0 || since > checkpoint.size) {
        return Error(ErrorCode::internal, "a walk begins at a multiple of 256 within the log");
    }
    Walk walk(files, checkpoint, visitor, bodies);
    if (const Status begun = walk.begin(since); !begun.ok()) {
        const bool is_fault = begun.error().code == ErrorCode::not_found ||
                              begun.error().code == ErrorCode::proof_invalid;
        return is_fault ? visitor.fault({begun.error().message, std::nullopt}) : begun;
    }
    return walk.run();
}

}  // namespace clawsigner::attest
