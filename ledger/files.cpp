#include "ledger/files.h"

#include "base/handle.h"

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>

namespace clawsigner::ledger {
namespace {

Error damaged(const std::filesystem::path& file, std::string_view what) {
    Error error(ErrorCode::ledger_damaged, file.string());
    error.message.append(" was ").append(what).append(
        " while the daemon was running; stop it, and restore the file or start a new ledger");
    return error;
}

}  // namespace

Result<FileWatch> FileWatch::of(const std::vector<std::filesystem::path>& files) {
    FileWatch watch;
    for (const auto& path : files) {
        struct stat info{};
        if (::stat(path.c_str(), &info) != 0) {
            return Error::from_errno("cannot look at " + path.string(), errno);
        }
        watch.files_.push_back({path, info.st_dev, info.st_ino, info.st_size});
    }
    return watch;
}

Status FileWatch::check() {
    for (Watched& file : files_) {
        struct stat info{};
        if (::stat(file.path.c_str(), &info) != 0) {
            return damaged(file.path, "removed");
        }
        if (info.st_dev != file.device || info.st_ino != file.inode) {
            return damaged(file.path, "replaced");
        }
        if (info.st_size < file.size) {
            return damaged(file.path, "cut off");
        }
        file.size = info.st_size;
    }
    return Status::done();
}

Status Reserve::take() {
    const base::UniqueFd fd(
        ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    const int failed = fd ? ::posix_fallocate(fd.get(), 0, kBytes) : errno;
    if (failed != 0) {
        Error error = Error::from_errno("cannot keep space for the ledger's last records", failed);
        error.code = ErrorCode::ledger_blocked;
        ::unlink(file_.c_str());  // part of it helps nobody
        return error;
    }
    return Status::done();
}

bool Reserve::give_back() {
    return ::unlink(file_.c_str()) == 0;
}

}  // namespace clawsigner::ledger
