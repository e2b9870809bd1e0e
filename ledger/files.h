#pragma once

#include "base/result.h"

#include <cstdint>
#include <filesystem>
#include <sys/stat.h>
#include <vector>

namespace clawsigner::ledger {

/// Notices when a file that only we write is removed, replaced or cut off under us. One thread.
class FileWatch {
public:
    /// The files are there. Error: io_failed.
    static Result<FileWatch> of(const std::vector<std::filesystem::path>& files);

    /// Error: ledger_damaged, with the file and what became of it.
    Status check();

private:
    struct Watched {
        std::filesystem::path path;
        dev_t device{};
        std::uint64_t inode = 0;
        std::uint64_t size = 0;  // the most it has had, in bytes
    };
    static Result<Watched> look_at(const std::filesystem::path& path);

    std::vector<Watched> files_;
};

/// Space kept so that what waits can still be written when the disk is full. One thread.
class Reserve {
public:
    static constexpr off_t kBytes = 4 << 20;

    explicit Reserve(std::filesystem::path file) : file_(std::move(file)) {}

    /// Takes the space, unless it has it. Error: ledger_blocked.
    Status take();
    /// Gives it back to the disk. False when there was none.
    bool give_back();

private:
    std::filesystem::path file_;
};

}  // namespace clawsigner::ledger
