#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace clawsigner::cli {

/// `clawsigner log …`. Sets `command` to the one that was chosen; `json` is read when it runs. Both
/// outlive the parsing.
void add_log(CLI::App& app, const bool& json, std::function<int()>& command);

}  // namespace clawsigner::cli
