#pragma once

#include "base/handle.h"
#include "base/result.h"

#include <filesystem>

namespace clawsigner::ledger {

/// A ledger's directory, kept from other daemons for as long as this lives (flock(2) on
/// `ledger.lock`), and the memory that a log was begun there.
class Claim {
public:
    explicit Claim(const std::filesystem::path& directory) : directory_(directory) {}

    /// Errors: io_failed, also when another daemon has it; ledger_damaged, when a log was begun
    /// here and `database` is gone.
    Status take(const std::filesystem::path& database);
    /// From here on a database that is gone is a loss.
    Status remember_made();
    /// Was a log begun here? Once it is taken.
    bool was_made() const;

private:
    Status lock();

    const std::filesystem::path directory_;
    base::UniqueFd lock_;
};

}  // namespace clawsigner::ledger
