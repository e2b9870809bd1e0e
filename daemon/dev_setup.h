#pragma once

#include "base/result.h"
#include "crypto/public_key.h"

#include <filesystem>

namespace clawsigner::daemon {

struct DevSetup {
    std::filesystem::path directory;
    std::filesystem::path module = "/usr/lib/softhsm/libsofthsm2.so";
    crypto::Algorithm algorithm = crypto::Algorithm::ed25519;
};

/// Makes a directory with everything a daemon for development needs: a SoftHSM2 token, its PIN
/// file, a key for each family, and clawsigner.toml, written last. The directory may exist if it is
/// empty; what was begun is removed on failure. Returns the configuration's path. Errors:
/// config_invalid, io_failed, hsm_down.
Result<std::filesystem::path> make_dev_directory(const DevSetup& setup);

}  // namespace clawsigner::daemon
