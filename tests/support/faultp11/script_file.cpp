#include "faultp11/script_file.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <sys/stat.h>

namespace faultp11 {
namespace {

constexpr std::uint64_t kNoFile = 2;

/// Another value for another file. FNV's prime spreads what is often alike.
std::uint64_t stamp_of(const std::string& path) {
    constexpr std::uint64_t kPrime = 1'099'511'628'211U;
    struct stat file{};
    if (path.empty() || ::stat(path.c_str(), &file) != 0) {
        return kNoFile;
    }
    std::uint64_t stamp = file.st_ino;
    stamp = stamp * kPrime + static_cast<std::uint64_t>(file.st_mtim.tv_sec);
    stamp = stamp * kPrime + static_cast<std::uint64_t>(file.st_mtim.tv_nsec);
    stamp = stamp * kPrime + static_cast<std::uint64_t>(file.st_size);
    return stamp > kNoFile ? stamp : kNoFile + 1;
}

}  // namespace

std::shared_ptr<const Script> ScriptFile::current() {
    const std::uint64_t stamp = stamp_of(path_);
    const std::lock_guard lock(mutex_);
    if (stamp != stamp_) {
        script_ = stamp == kNoFile ? std::make_shared<Script>() : read();
        state_.begin_script(stamp, script_->error_line);
        stamp_ = stamp;
    }
    return script_;
}

std::shared_ptr<const Script> ScriptFile::read() const {
    std::ifstream file(path_);
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    auto script = std::make_shared<Script>(parse_script(text));
    if (script->error_line != 0) {
        static_cast<void>(std::fprintf(stderr, "faultp11: %s:%zu: %s\n", path_.c_str(),
                                       script->error_line, script->error.c_str()));
    }
    return script;
}

}  // namespace faultp11
