#pragma once

#include "attest/log_files.h"

#include <filesystem>
#include <utility>

namespace clawsigner::attest {

/// A log's files in a directory, as any C2SP tile client reads them from a web server.
class LogDirectory final : public LogFiles {
public:
    explicit LogDirectory(std::filesystem::path root) : root_(std::move(root)) {}

    /// Errors: not_found; too_large; io_failed.
    Result<std::string> read(const std::string& path) override;

    /// Puts a file there, with the directories above it, so that a crash leaves all of it or
    /// nothing. Who may read it is for the root's own mode to say. Error: io_failed.
    Status keep(const std::string& path, const std::string& content) const;

    /// The paths of all files below "tile/". Error: io_failed.
    Result<std::vector<std::string>> tile_files() const;

private:
    std::filesystem::path root_;
};

}  // namespace clawsigner::attest
