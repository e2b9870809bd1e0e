#pragma once

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

namespace clawsigner::fuzz {

/// What a target does with one input: nothing it does may crash, hang, leak or break a property it
/// states by require(). Each target is a file of its own that defines this; driver.cpp feeds it,
/// from libFuzzer or from a corpus.
void fuzz(std::span<const std::uint8_t> input);

inline std::string_view as_text(std::span<const std::uint8_t> input) {
    return {reinterpret_cast<const char*>(input.data()), input.size()};
}

inline void require(bool property) {
    if (!property) {
        std::abort();
    }
}

}  // namespace clawsigner::fuzz
