#pragma once

#include "cli/log_verdict.h"

#include <filesystem>
#include <string>

namespace clawsigner::cli {

/// Whom a verification trusts: one did:key, or the keys of a JWKS file; exactly one is set.
struct Trust {
    std::string signer_did;
    std::filesystem::path jwks_file;
};

/// Verifies the receipt in `file` ("-": standard input) offline, and where that was asked that it
/// is in the log; prints the verdicts, and returns the exit code.
int verify_receipt(const std::filesystem::path& file, const Trust& trust, const LogTrust& log,
                   bool json);

/// What a token is held against besides its signer. Empty: now, and any audience.
struct TokenTerms {
    std::string at;  // as base::format_utc prints
    std::string audience;
};

/// The same for the token in `file`: the compact token, or the answer that holds it.
int verify_token(const std::filesystem::path& file, const Trust& trust, const TokenTerms& terms,
                 const LogTrust& log, bool json);

}  // namespace clawsigner::cli
