#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace clawsigner::cli {

/// Adds `policies`, `mappings`, `trust` and `oidc` with their commands; the one chosen is put into
/// `command`. Both references outlive the parsing.
void add_policies(CLI::App& app, const bool& json, std::function<int()>& command);

}  // namespace clawsigner::cli
