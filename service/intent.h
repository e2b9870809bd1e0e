#pragma once

#include "service/lifecycle.h"

#include <string>

namespace clawsigner::service {

/// On whose word something was begun, for the row that remembers it until it is finished: canonical
/// JSON {"caller":{"role":…,"uid":…},"request":…,"v":1,"why":…}, without what there is not.
std::string intent_text(const Doing& doing);

/// What intent_text said, without rows. Nobody's word, where the text is another: a row of before.
Doing intent_in(const std::string& text);

}  // namespace clawsigner::service
