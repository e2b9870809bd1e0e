#pragma once

#include "attest/log_files.h"
#include "claw/checkpoint.h"

#include <cstdint>
#include <optional>
#include <string>

namespace clawsigner::attest {

/// What does not hold, and the leaf it is about where it is about one.
struct Finding {
    std::string what;
    std::optional<std::uint64_t> leaf;
};

/// Who goes along with a walk. An error that a call returns ends it.
class LogVisitor {
public:
    LogVisitor() = default;
    LogVisitor(const LogVisitor&) = delete;
    LogVisitor& operator=(const LogVisitor&) = delete;
    virtual ~LogVisitor() = default;

    virtual Status fault(Finding finding) = 0;
    /// A file that is what the leaves make it.
    virtual Status file(const std::string& /*path*/, const std::string& /*content*/) {
        return Status::done();
    }
    /// Every leaf that can be read, in order, also one that is not what its tile says.
    virtual Status leaf(std::uint64_t /*index*/, const std::string& /*body*/) {
        return Status::done();
    }
    virtual void progress(std::uint64_t /*leaves*/, std::uint64_t /*of*/) {}
};

/// Makes the tree of the checkpoint's size again from the entries, holding every entry against its
/// tile, every tile against those below it, and the root against the checkpoint's. The first
/// `since` leaves, a multiple of 256, are taken by their hashes from the tiles that cover them, not
/// read. Of those before `bodies`, a multiple of 256, there are tiles, but no entries: they were
/// pruned. Each file is read once; memory does not grow with the log.
/// Errors: the visitor's; as LogFiles::read, but for not_found, which is a fault.
Status walk_log(LogFiles& files, const claw::Checkpoint& checkpoint, std::uint64_t since,
                LogVisitor& visitor, std::uint64_t bodies = 0);

}  // namespace clawsigner::attest
