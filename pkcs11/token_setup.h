#pragma once

#include "base/result.h"
#include "base/secret.h"

#include <filesystem>
#include <string>

namespace clawsigner::pkcs11 {

/// Initialises the first uninitialised token behind the module: its label, a security officer's PIN
/// and the user's PIN. For development tokens; a real HSM is initialised with its vendor's tools by
/// the people who hold its SO PIN. Errors: hsm_down; as error_from.
Status initialise_token(const std::filesystem::path& module, const std::string& label,
                        const Secret& so_pin, const Secret& user_pin);

}  // namespace clawsigner::pkcs11
