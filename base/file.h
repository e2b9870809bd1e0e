#pragma once

#include "base/result.h"
#include "base/secret.h"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace clawsigner::base {

/// The whole file, or standard input for "-". Errors: io_failed; too_large past `max_bytes`, which
/// is read no further.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes);

/// A PIN or key from a regular file that only its owner can read (mode 0400, owned by this
/// process's user or root), without the line ending an editor leaves. Errors: io_failed, and
/// config_invalid where the file is open to others, empty or over 4 KiB.
Result<Secret> read_secret_file(const std::filesystem::path& path);

/// Replaces `path` so that a crash leaves the old file or the new one: temporary file beside it,
/// fsync, rename, fsync of the directory. Error: io_failed.
Status write_file_durably(const std::filesystem::path& path, std::string_view content, mode_t mode);

/// Makes the directory and those above it that are missing, mode 0755 less the umask, for good also
/// when the machine stops now. Error: io_failed.
Status make_directories_durably(const std::filesystem::path& directory);

/// A small file of the process's own, as write_file_durably made it; nothing when there is none. A
/// link in its place is not followed. Errors: io_failed; too_large past `max_bytes`.
Result<std::optional<std::string>> read_own_file(const std::filesystem::path& path,
                                                 std::size_t max_bytes);

/// Zeros over what is in the file, which may be read-only but is no link; done when it is not
/// there. A journal, a snapshot or flash memory may still hold what it was. Error: io_failed.
Status overwrite_with_zeros(const std::filesystem::path& path);

/// Removes `path`, for good also when the machine stops now. Done when it is not there. Error:
/// io_failed.
Status remove_file_durably(const std::filesystem::path& path);

}  // namespace clawsigner::base
