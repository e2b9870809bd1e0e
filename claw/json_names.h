#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace clawsigner::claw {

/// ECMA-262 array index: the value of a name that is a canonical decimal from 0 to 2^32 − 2.
/// JavaScript puts such members before all others, whatever the text said.
std::optional<std::uint32_t> array_index(std::string_view name) noexcept;

}  // namespace clawsigner::claw
