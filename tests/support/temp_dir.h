#pragma once

#include <filesystem>
#include <string_view>

namespace clawsigner::tests {

/// A directory of the test's own, gone with it.
class TempDir {
public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

    /// Writes a file of this content and mode, and returns its path.
    std::filesystem::path write(std::string_view name, std::string_view content,
                                unsigned mode = 0600) const;

private:
    std::filesystem::path path_;
};

}  // namespace clawsigner::tests
