#pragma once

#include "base/result.h"

#include <cstdint>
#include <filesystem>

namespace clawsigner::bench {

/// Makes a ledger with so many receipts' leaves in a directory that has none. Errors: the ledger's.
Status fill_ledger(const std::filesystem::path& directory, std::uint64_t leaves);

}  // namespace clawsigner::bench
