#include "daemon/hardening.h"

#include <cerrno>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace clawsigner::daemon {

Status harden_process() {
    const rlimit none{0, 0};
    if (::setrlimit(RLIMIT_CORE, &none) != 0) {
        return Error::from_errno("cannot forbid core dumps", errno);
    }
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return Error::from_errno("cannot forbid ptrace", errno);
    }
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return Error::from_errno("cannot forbid new privileges", errno);
    }
    return Status::done();
}

}  // namespace clawsigner::daemon
