#pragma once

#include "claw/json.h"

#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::tests {

/// The vector file's rows: the elements of a .json array, or the lines of an .ndjson file. Aborts
/// when it cannot be read.
std::vector<claw::JsonValue> vector_rows(std::string_view file);
/// The lines of an .ndjson file, for rows that are refused where JSON is read.
std::vector<std::string> vector_lines(std::string_view file);
claw::JsonValue vector_file(std::string_view file);

/// A member of a row that must be a string.
std::string text_of(const claw::JsonValue& row, std::string_view name);

}  // namespace clawsigner::tests
