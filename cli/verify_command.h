#pragma once

#include <filesystem>
#include <string>

namespace clawsigner::cli {

/// Whom a verification trusts: one did:key, or the keys of a JWKS file; exactly one is set.
struct Trust {
    std::string signer_did;
    std::filesystem::path jwks_file;
};

/// Verifies the receipt in `file` ("-": standard input) offline, prints the verdict, and returns
/// its exit code.
int verify_receipt(const std::filesystem::path& file, const Trust& trust, bool json);

}  // namespace clawsigner::cli
