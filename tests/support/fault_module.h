#pragma once

#include "support/temp_dir.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace clawsigner::tests {

/// SoftHSM2 behind faultp11.so (README.md beside this file), with a script and counters of the
/// test's own. What it does is set in the environment, so one process works with one at a time.
class FaultModule {
public:
    FaultModule();

    static std::filesystem::path path();
    /// Replaces the whole script; the next call obeys it.
    void script(std::string_view lines);
    void end_faults() { script(""); }

    /// A counter of the state file: "calls.C_Sign", "sessions.open", "line.1.fired".
    std::uint64_t counter(std::string_view name) const;
    std::uint64_t fired(int line = 1) const;
    /// Returns when the first line has befallen a call.
    void wait_until_fired() const;

private:
    TempDir dir_;
    int scripts_ = 0;
};

}  // namespace clawsigner::tests
