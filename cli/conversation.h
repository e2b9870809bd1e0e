#pragma once

#include "claw/json.h"
#include "cli/commands.h"
#include "cli/output.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::cli {

using Row = std::vector<std::string>;
using Rows = std::vector<Row>;

/// Sends the request and prints the answer: as it is with --json, else as `print` shows it. Returns
/// the exit code.
int talk(const Connection& to, std::string_view method, std::string_view target,
         std::string_view body, const std::function<void(const claw::JsonObject&)>& print);

/// A member that is an array; an empty one, where there is none.
const boost::json::array& array_member(const claw::JsonObject& object, std::string_view name);

}  // namespace clawsigner::cli
