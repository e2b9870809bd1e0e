#pragma once

#include "base/result.h"
#include "claw/checkpoint.h"
#include "claw/note_key.h"
#include "claw/tile_tree.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// A log as the files that C2SP tlog-tiles v0.1.0 makes of it, wherever they are: behind a daemon's
/// socket, in a directory, in a database.
namespace clawsigner::attest {

class LogFiles {
public:
    LogFiles() = default;
    LogFiles(const LogFiles&) = delete;
    LogFiles& operator=(const LogFiles&) = delete;
    virtual ~LogFiles() = default;

    /// The whole file, by its path within the log: "checkpoint", "tile/0/000",
    /// "tile/entries/000.p/8". What is in it is not judged. Errors: not_found; others, when there
    /// is no way to say.
    virtual Result<std::string> read(const std::string& path) = 0;
};

/// How many hashes a tree of `size` leaves has in this tile; of level 0 also how many entries the
/// bundle of that index has. 0: there is no such tile.
std::size_t tile_width(unsigned level, std::uint64_t index, std::uint64_t size) noexcept;

/// The files' tiles as a tree of `size` leaves has them.
class FileTiles final : public claw::TileSource {
public:
    /// `files` outlive the tiles.
    FileTiles(LogFiles& files, std::uint64_t size) : files_(files), size_(size) {}

    /// Errors: as LogFiles::read; proof_invalid, by the file's name, when it is no such tile.
    Result<std::vector<claw::TreeHash>> tile(const claw::TileId& id) const override;

private:
    LogFiles& files_;
    std::uint64_t size_;
};

/// How many leaves a checkpoint's note says there are, whoever signed it. Error: proof_invalid.
Result<std::uint64_t> stated_size(const std::string& note);

/// The key that the log's first leaves name as its own: good for seeing whether a log agrees with
/// itself, not for knowing whose it is. Errors: as LogFiles::read; proof_invalid, when they name
/// none.
Result<claw::NoteKey> stated_key(LogFiles& files);

/// Does the log continue what an older checkpoint of it said? Errors: as LogFiles::read;
/// proof_invalid: a fork, or tiles that make no proof.
Status check_consistent(LogFiles& files, const claw::Checkpoint& old,
                        const claw::Checkpoint& newest);

}  // namespace clawsigner::attest
