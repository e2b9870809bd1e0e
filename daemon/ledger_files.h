#pragma once

#include "attest/log_files.h"
#include "ledger/view.h"

#include <filesystem>

namespace clawsigner::daemon {

/// The log of a ledger's database, as of its newest checkpoint. One thread.
class LedgerFiles final : public attest::LogFiles {
public:
    /// `view` outlives the files.
    explicit LedgerFiles(ledger::View& view) : view_(view) {}

    /// Errors: not_found; as View's.
    Result<std::string> read(const std::string& path) override;

private:
    Result<std::string> entries(const claw::BundleId& id);
    Result<std::string> tile(const claw::TileId& id);
    Result<std::string> body(std::uint64_t leaf);

    ledger::View& view_;
};

/// Brings `directory` to the newest checkpoint of a copied database, which is only read: the files
/// that `clawsigner log export` makes of the running log. Errors: as attest::export_log and
/// ledger::open_reader.
Result<claw::Checkpoint> export_ledger(const std::filesystem::path& database,
                                       const std::filesystem::path& directory);

}  // namespace clawsigner::daemon
