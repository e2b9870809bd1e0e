#pragma once

#include "ledger/log.h"

#include <memory>
#include <mutex>
#include <vector>

namespace clawsigner::service {

/// Inclusion proofs under the newest checkpoint. Two proofs under one checkpoint have most of their
/// hashes in common, and hashing is most of a proof's cost: what was read and hashed for one is
/// kept for the next, at most kMostTiles tiles of it. Thread-safe; who finds it busy does without.
class Proofs {
public:
    static constexpr std::size_t kMostTiles = 64;  // 16 KiB each

    /// `log` outlives it.
    explicit Proofs(ledger::Log& log);
    ~Proofs();
    Proofs(const Proofs&) = delete;
    Proofs& operator=(const Proofs&) = delete;

    /// RFC 9162 section 2.1.3.1, from the leaf's sibling up. Errors: proof_invalid, when the leaf
    /// is not under that checkpoint; as Log::tile.
    Result<std::vector<claw::TreeHash>> inclusion_path(
        std::shared_ptr<const ledger::Published> under, std::uint64_t leaf);

private:
    struct Reading;

    ledger::Log& log_;
    std::mutex mutex_;
    std::unique_ptr<Reading> reading_;
};

}  // namespace clawsigner::service
