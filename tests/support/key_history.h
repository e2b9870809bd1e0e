#pragma once

#include "base/clock.h"
#include "claw/key_record.h"
#include "support/vectors.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::tests {

/// A history of tests/vectors/keys_own.json: a family's keys, a moment, and what is published then.
struct KeyHistory {
    std::string name;
    claw::FamilyKeys family;
    UnixMillis now;
    std::chrono::seconds overlap{0};
    claw::JsonValue row;
};

/// Aborts when the file cannot be read.
std::vector<KeyHistory> key_histories();
/// Aborts when there is none of that name.
KeyHistory key_history(std::string_view name);

}  // namespace clawsigner::tests
