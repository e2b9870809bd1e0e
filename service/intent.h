#pragma once

#include "service/lifecycle.h"

#include <string>

namespace clawsigner::service {

/// A destruction that was begun.
struct Intent {
    Doing doing;        // without rows
    bool held = false;  // the store had the key then
};

/// For the row that remembers it until it is finished: canonical JSON
/// {"caller":{"role":…,"uid":…},"held":true,"request":…,"v":1,"why":…}, without what there is not.
std::string intent_text(const Intent& intent);

/// What intent_text said. Nobody's word, where the text is another: of an earlier version.
Intent intent_in(const std::string& text);

}  // namespace clawsigner::service
