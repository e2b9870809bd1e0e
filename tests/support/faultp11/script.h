#pragma once

#include "faultp11/functions.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace faultp11 {

enum class Effect {
    refuse,
    delay,
    hang,
    crash,
    corrupt,
    replay,
    swap,
    drop_sessions,
    logout,
    limit,
    token_flag,
};

/// How many lines a script may have: the state file has room for so many counters.
inline constexpr std::size_t kMaxLines = 64;

/// What one line of a script asks for.
struct Line {
    std::size_t number = 0;        // in the file, from 1
    std::optional<Function> call;  // none: every call the effect can be had with
    std::uint64_t skip = 0;
    std::uint64_t count = 0;
    Effect effect{};
    std::uint64_t argument = 0;  // a CK_RV, milliseconds, a number of sessions or a flag
    std::string text;

    bool is_about(Function function) const;
};

struct Script {
    std::vector<Line> lines;
    /// The first line that cannot be understood, or 0; and why.
    std::size_t error_line = 0;
    std::string error;
};

Script parse_script(std::string_view text);

}  // namespace faultp11
