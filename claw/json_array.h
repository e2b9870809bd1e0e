#pragma once

#include "base/result.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace clawsigner::claw {

/// Cuts {"<member>":[a,b,…]} into the texts of a, b, …, without reading them: each can then be
/// parsed where there is a core free for it, and one that is not JSON fails alone. The views point
/// into `text`.
///
/// The text must be an object with that one member and nothing else, and its brackets and quotes
/// must balance. Errors: malformed_json; too_large over `max_elements`.
Result<std::vector<std::string_view>> split_array_member(std::string_view text,
                                                         std::string_view member,
                                                         std::size_t max_elements);

}  // namespace clawsigner::claw
