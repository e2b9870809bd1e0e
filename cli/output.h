#pragma once

#include "base/error.h"
#include "claw/json.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::cli {

/// The exit codes of the house.
inline constexpr int kGood = 0;
inline constexpr int kRefused = 1;
inline constexpr int kUsage = 2;
inline constexpr int kUnreachable = 3;

/// Prints an error for a person (standard error) or a machine (standard output) and returns its
/// exit code.
int report(const Error& error, bool json);

/// Fit for a terminal: characters that steer it or turn the line around (controls, bidirectional
/// and separator format characters), which may come from a stranger's artefact, are spelled out
/// (\u001b). JSON text stays JSON text of the same value.
std::string printable(std::string_view utf8);

/// Columns as wide as their widest cell; the first row is the heading. Cells are made printable.
std::string table(const std::vector<std::vector<std::string>>& cells);

/// A member's text; what is not text is printed as JSON, what is absent as "-".
std::string cell(const claw::JsonObject& object, std::string_view name);

/// "90 s", "3 min", "5 h", "12 d".
std::string span_text(std::chrono::seconds span);

/// "3 min ago" or "in 3 min", for a time as the daemon prints it; the text itself when it is none.
std::string ago(std::string_view utc);

}  // namespace clawsigner::cli
