#pragma once

#include "attest/log_directory.h"
#include "attest/log_export.h"
#include "attest/log_walk.h"
#include "claw/checkpoint.h"
#include "claw/leaf.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace clawsigner::attest {

/// What a log is held against.
struct AuditTerms {
    std::optional<claw::NoteKey> key;  // none: the key that the log names itself
    std::optional<std::string> from;   // an older checkpoint, as a signed note
    std::uint64_t since = 0;           // leaves that were audited before; rounded down to 256
    /// May the log have no more bodies of its oldest leaves, where its own leaves say that they
    /// were pruned? A copy that somebody keeps must not.
    bool may_be_pruned = false;
};

/// Where a log says that it is, and the key that it was held against.
struct SignedHead {
    claw::NoteKey key;
    claw::Checkpoint checkpoint;
};

struct Audit {
    static constexpr std::size_t kMostFindings = 1000;

    std::optional<SignedHead> head;  // present when the checkpoint is signed by the key
    std::uint64_t since = 0;
    std::uint64_t pruned = 0;          // leaves before it have hashes only, from `since` on
    std::vector<Finding> findings;     // the first kMostFindings
    std::uint64_t findings_count = 0;  // all of them
    /// What the leaves spend and set; present when all were read.
    std::optional<claw::StateLeaf> state;

    bool good() const noexcept { return findings_count == 0; }
};

/// Makes tree and state again from the leaves and says everything that does not hold. Errors: as
/// LogFiles::read, when the log cannot be read to its end; what is missing in it is a finding.
Result<Audit> audit_log(LogFiles& files, const AuditTerms& terms, const Progress& progress);

/// The same for an exported directory; also holds the files that older checkpoints have left there
/// against those that replaced them.
Result<Audit> audit_directory(LogDirectory& files, const AuditTerms& terms,
                              const Progress& progress);

}  // namespace clawsigner::attest
