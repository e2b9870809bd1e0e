#pragma once

#include "cli/commands.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

/// What people type around the log. Each prints and returns its exit code.
namespace clawsigner::cli {

/// The log's C2SP verifier key.
int log_key(const Connection& to);

/// Whose proof; exactly one of the first three is set.
struct ProofTerms {
    std::filesystem::path receipt_file;
    std::filesystem::path token_file;
    std::optional<std::uint64_t> leaf;
    std::filesystem::path output;  // empty: standard output
    std::filesystem::path from;    // an export to prove `leaf` from; empty: the daemon
};
int log_prove(const Connection& to, const ProofTerms& terms);

/// `log_key`: the verifier key, a file of it, or empty for the one that the log names.
int log_export(const Connection& to, const std::filesystem::path& directory,
               const std::string& log_key);

struct AuditOptions {
    std::filesystem::path directory;  // empty: the daemon's log
    std::string log_key;              // as for log_export
    std::filesystem::path from;       // an older checkpoint, or empty
    std::uint64_t since = 0;
    std::filesystem::path older;  // an export that holds what was pruned, or empty
};
int log_audit(const Connection& to, const AuditOptions& options);

}  // namespace clawsigner::cli
