#pragma once

#include "pkcs11/uri.h"

#include <cstddef>
#include <filesystem>

namespace clawsigner::pkcs11 {

/// Which token, how to reach it and how hard to lean on it.
struct TokenSettings {
    std::filesystem::path module;
    TokenUri uri;
    std::filesystem::path pin_file;  // read anew at every opening, and not kept
    std::size_t sessions = 8;        // at most; the token's own limit wins
};

}  // namespace clawsigner::pkcs11
