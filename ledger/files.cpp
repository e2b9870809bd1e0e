#include "ledger/files.h"

#include "base/handle.h"

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <sys/sysmacros.h>
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

/// Without its times: Linux (6.13 and later) keeps the next ones finer when it was asked for them,
/// and an ext4 without a journal then writes the inode, too, at every flush: half its time more.
Result<FileWatch::Watched> FileWatch::look_at(const std::filesystem::path& path) {
    struct statx info{};
    if (::statx(AT_FDCWD, path.c_str(), 0, STATX_INO | STATX_SIZE, &info) != 0) {
        return Error::from_errno("cannot look at " + path.string(), errno);
    }
    return Watched{path, makedev(info.stx_dev_major, info.stx_dev_minor), info.stx_ino,
                   info.stx_size};
}

Result<FileWatch> FileWatch::of(const std::vector<std::filesystem::path>& files) {
    FileWatch watch;
    for (const auto& path : files) {
        TRY(Watched seen, look_at(path));
        watch.files_.push_back(std::move(seen));
    }
    return watch;
}

Status FileWatch::check() {
    for (Watched& file : files_) {
        const auto now = look_at(file.path);
        if (!now.ok()) {
            return damaged(file.path, "removed");
        }
        if (now->device != file.device || now->inode != file.inode) {
            return damaged(file.path, "replaced");
        }
        if (now->size < file.size) {
            return damaged(file.path, "cut off");
        }
        file.size = now->size;
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
