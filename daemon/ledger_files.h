#pragma once

#include "attest/log_files.h"
#include "ledger/view.h"

#include <filesystem>

namespace clawsigner::daemon {

/// The log of a ledger's database, as of its newest checkpoint. One thread.
class LedgerFiles final : public attest::LogFiles {
public:
    /// `view` outlives the files. What lies before leaf `pruned` is not shown, as the daemon does
    /// not show it.
    LedgerFiles(ledger::View& view, std::uint64_t pruned) : view_(view), pruned_(pruned) {}

    /// Errors: not_found; as View's.
    Result<std::string> read(const std::string& path) override;

private:
    Result<std::string> entries(const claw::BundleId& id);
    Result<std::string> tile(const claw::TileId& id);
    Result<std::string> body(std::uint64_t leaf);

    ledger::View& view_;
    std::uint64_t pruned_;
};

/// Brings `directory` to the newest checkpoint of a copied database, which is not changed: the
/// files that `clawsigner log export` makes of the running log. Then holds the copy against itself.
/// Errors: as attest::export_log, ledger::open_reader, ledger::check_tiles and
/// ledger::check_leaves.
Result<claw::Checkpoint> export_ledger(const std::filesystem::path& database,
                                       const std::filesystem::path& directory);

}  // namespace clawsigner::daemon
