#include "ledger/claim.h"

#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace clawsigner::ledger {

Status Claim::take(const std::filesystem::path& database) {
    CHECK_OK(lock());
    // A log that began anew under its old name would contradict every checkpoint handed out.
    std::error_code ignored;
    if (was_made() && !std::filesystem::exists(database, ignored)) {
        return Error(ErrorCode::ledger_damaged,
                     database.string() +
                         " is gone, and with it the log: restore it, or begin a new log with "
                         "another ledger.origin after removing ledger.lock");
    }
    return Status::done();
}

/// Two daemons with one ledger would each take the other's leaves for a stranger's.
Status Claim::lock() {
    const auto path = directory_ / "ledger.lock";
    lock_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    if (!lock_) {
        return Error::from_errno("cannot open " + path.string(), errno);
    }
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
        return Error(ErrorCode::io_failed,
                     "another clawsignerd keeps its ledger in " + directory_.string());
    }
    return Status::done();
}

/// It stands in the lock's file.
bool Claim::was_made() const {
    struct stat info{};
    return ::fstat(lock_.get(), &info) == 0 && info.st_size > 0;
}

Status Claim::remember_made() {
    constexpr std::string_view kMade = "a ledger was made here\n";
    if (was_made()) {
        return Status::done();
    }
    const bool written = ::pwrite(lock_.get(), kMade.data(), kMade.size(), 0) ==
                             static_cast<ssize_t>(kMade.size()) &&
                         ::fsync(lock_.get()) == 0;
    return written ? Status::done()
                   : Status(Error::from_errno("cannot write to the ledger's directory", errno));
}

}  // namespace clawsigner::ledger
