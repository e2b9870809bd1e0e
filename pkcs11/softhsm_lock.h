#pragma once

#include "base/handle.h"
#include "base/result.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clawsigner::pkcs11 {

/// `directories.tokendir` of a softhsm2.conf, read as SoftHSM reads it; nothing when it names none.
std::optional<std::filesystem::path> softhsm_token_directory(std::string_view conf);

/// The token directories of SoftHSM that are this process's own for as long as this lives: two
/// processes that lead one token undo each other's logins. Only those who ask this way are kept
/// apart: SoftHSM's own tools are not, and no file is made.
class SoftHsmLock {
public:
    /// Takes the directory that the file `conf` (SOFTHSM2_CONF) names, however often it is asked
    /// for. Does nothing where file or directory cannot be read: the module will say so. Errors:
    /// config_invalid, when another process has it; io_failed.
    Status take(const std::filesystem::path& conf);

private:
    struct Taken {
        std::pair<dev_t, ino_t> directory;
        base::UniqueFd fd;
    };
    std::vector<Taken> taken_;
};

}  // namespace clawsigner::pkcs11
