#include "daemon/hardening.h"

#include "base/handle.h"
#include "crypto/memory_key.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace clawsigner::daemon {

Status harden_process() {
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_CORE, &none) != 0) {
        return Error::from_errno("cannot forbid core dumps", errno);
    }
    // Whatever makes a dump in spite of that finds no memory of ours in it (core(5)).
    const base::UniqueFd filter(::open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC));
    if (!filter || ::write(filter.get(), "0", 1) != 1) {
        return Error::from_errno("cannot keep memory out of core dumps", errno);
    }
    // Private keys that are plain in memory go there (crypto::MemoryKey).
    CHECK_OK(crypto::make_secure_heap());
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return Error::from_errno("cannot forbid ptrace", errno);
    }
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return Error::from_errno("cannot forbid new privileges", errno);
    }
    return Status::done();
}

}  // namespace clawsigner::daemon
