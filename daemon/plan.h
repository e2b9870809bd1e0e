#pragma once

#include "base/result.h"
#include "config/config.h"
#include "crypto/family.h"
#include "hsm/key.h"
#include "pkcs11/token_settings.h"
#include "tpm/tpm_backend.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

/// What the configuration asks for, held against what there can be, before anything is opened.
namespace clawsigner::daemon {

/// A family, and the store its keys live in.
struct FamilySettings {
    crypto::Family family{};
    std::string backend;
    crypto::Algorithm algorithm{};
    hsm::Custody custody{};
};

/// The stores by their names, and the families.
struct Plan {
    std::vector<std::pair<std::string, pkcs11::TokenSettings>> tokens;
    std::vector<std::pair<std::string, tpm::TpmSettings>> tpms;
    std::vector<FamilySettings> families;
};

/// Touches no device. Error: config_invalid, with file and line.
Result<Plan> plan_of(const config::Config& config);

/// The directory of ledger, files of keys and what is remembered of PINs: the daemon's own, mode
/// 0700. Error: as plan_of.
Status check_state_directory(const config::Config& config);

/// What plan_of does not look at: the sockets' directory, the modules and the PIN files. Error: as
/// plan_of.
Status check_files(const config::Config& config);

/// Where a store's refused PIN is remembered.
std::filesystem::path pin_memory_path(const config::Config& config, const std::string& backend);

}  // namespace clawsigner::daemon
