#pragma once

#include "claw/json.h"

#include <string>

namespace clawsigner::cli {

/// The value over several lines, two spaces a level, for a person to read: the same members in the
/// same order, made printable.
std::string indented(const claw::JsonValue& value);

}  // namespace clawsigner::cli
