#pragma once

#include "cli/commands.h"

#include <filesystem>
#include <string>

namespace clawsigner::cli {

struct PruneTerms {
    std::string before;  // a day, or a time
    std::filesystem::path directory;
    std::string log_key;  // the verifier key, or a file of it
    std::string why;
    bool yes = false;
};

/// Audits the export, and asks the operators to let the bodies of the leaves go that it holds and
/// that are older. Prints and returns the exit code.
int log_prune(const Connection& to, const PruneTerms& terms);

}  // namespace clawsigner::cli
