#pragma once

#include "base/result.h"
#include "ledger/database.h"

#include <cstdint>
#include <filesystem>

namespace clawsigner::ledger {

/// Of the file's tables. A newer file is not opened; an older one is copied aside and moved
/// forward (docs/stability.md).
inline constexpr std::int64_t kSchemaVersion = 2;

/// Must there be tables, or may there be none yet? Where a log was begun a file without any is what
/// a loss has left.
enum class Tables : std::uint8_t { made_if_new, wanted };

/// The ledger's file, made when it is not there, in the shape this version writes: a write-ahead
/// log, every commit on disk before it returns. Errors: ledger_damaged, when it is another
/// program's, newer, no database, or has no tables where they are wanted; as sqlite_error.
Result<Database> open_database(const std::filesystem::path& file,
                               Tables tables = Tables::made_if_new);

/// The same file for reading beside its writer. Errors: as open_database.
Result<Database> open_reader(const std::filesystem::path& file);

}  // namespace clawsigner::ledger
