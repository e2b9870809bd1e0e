#pragma once

#include "base/result.h"
#include "ledger/database.h"

#include <filesystem>

namespace clawsigner::ledger {

/// Of the file's tables. A newer file is not opened; an older one is copied aside and moved
/// forward (docs/stability.md).
inline constexpr std::int64_t kSchemaVersion = 2;

/// The ledger's file, made when it is not there, in the shape this version writes: a write-ahead
/// log, every commit on disk before it returns. Errors: ledger_damaged, when it is another
/// program's, newer, or no database; as sqlite_error.
Result<Database> open_database(const std::filesystem::path& file);

/// The same file for reading beside its writer. Errors: as open_database.
Result<Database> open_reader(const std::filesystem::path& file);

}  // namespace clawsigner::ledger
