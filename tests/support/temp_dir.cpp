#include "support/temp_dir.h"

#include <cstdlib>
#include <fstream>
#include <string>
#include <sys/stat.h>

namespace clawsigner::tests {

TempDir::TempDir() {
    // Short, because socket paths end at 107 bytes.
    std::string name = (std::filesystem::temp_directory_path() / "cs-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
        std::abort();
    }
    path_ = name;
}

TempDir::~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TempDir::write(std::string_view name, std::string_view content,
                                     unsigned mode) const {
    const auto file = path_ / name;
    std::ofstream(file, std::ios::binary) << content;
    ::chmod(file.c_str(), static_cast<mode_t>(mode));
    return file;
}

}  // namespace clawsigner::tests
