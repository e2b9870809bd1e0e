#pragma once

#include <string>

namespace clawsigner::cli {

/// Asks a person at a terminal, unless --yes was said; a machine, which has no terminal, means what
/// it says. Waits for the answer.
bool is_meant(bool yes, const std::string& question);

}  // namespace clawsigner::cli
