#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace clawsigner::cli {

/// Adds `tpm` with its command; when it is chosen it is put into `command`. Both references outlive
/// the parsing.
void add_tpm(CLI::App& app, const bool& json, std::function<int()>& command);

}  // namespace clawsigner::cli
