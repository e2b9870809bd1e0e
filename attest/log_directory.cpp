#include "attest/log_directory.h"

#include "base/file.h"

#include <system_error>

namespace clawsigner::attest {
namespace {

namespace fs = std::filesystem;

// A bundle of 256 entries, each of the longest.
constexpr std::size_t kMaxFile = claw::kTileWidth * (claw::kMaxEntryBytes + 2);
constexpr mode_t kForAll = 0644;

Error failed(const fs::path& path, const std::error_code& error) {
    return Error::from_errno("cannot read " + path.string(), error.value());
}

}  // namespace

Result<std::string> LogDirectory::read(const std::string& path) {
    TRY(auto content, base::read_own_file(root_ / path, kMaxFile));
    return content ? Result<std::string>(*std::move(content))
                   : Error(ErrorCode::not_found, "there is no " + (root_ / path).string());
}

Status LogDirectory::keep(const std::string& path, const std::string& content) const {
    const fs::path file = root_ / path;
    CHECK_OK(base::make_directories_durably(file.parent_path()));
    return base::write_file_durably(file, content, kForAll);
}

Result<std::vector<std::string>> LogDirectory::tile_files() const {
    std::vector<std::string> paths;
    std::error_code error;
    fs::recursive_directory_iterator at(root_ / "tile", error);
    while (!error && at != fs::recursive_directory_iterator()) {
        if (at->is_regular_file(error)) {
            paths.push_back(at->path().lexically_relative(root_).string());
        }
        at.increment(error);
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        return failed(root_, error);
    }
    return paths;
}

}  // namespace clawsigner::attest
