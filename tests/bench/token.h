#pragma once

#include "bench/tally.h"

#include <cstddef>
#include <filesystem>
#include <string>

namespace clawsigner::bench {

/// A PKCS#11 module loaded with dlopen, and what its callers do with the key of gateway receipts.
struct RawSigning {
    std::filesystem::path module;
    std::string token;  // its label
    std::filesystem::path pin_file;
    std::size_t threads = 1;  // each with a session of its own
    bool verify = false;      // every signature, with OpenSSL
};

/// C_SignInit and C_Sign again and again: one login, the key found once, the sessions kept. Errors:
/// io_failed, when the module cannot be loaded; key_missing; as pkcs11::error_from;
/// key_quarantined, when a signature did not verify.
Result<Figures> sign_raw(const RawSigning& signing, const Span& span);

}  // namespace clawsigner::bench
