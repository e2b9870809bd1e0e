#pragma once

#include "faultp11/script_file.h"
#include "faultp11/sessions.h"
#include "faultp11/signatures.h"
#include "faultp11/state.h"

#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

namespace faultp11 {

/// What the environment says. Modules have no other way to be configured.
struct Environment {
    std::string module, script, state;

    static Environment read();
    bool operator==(const Environment&) const = default;
};

/// The lines that are due for one call.
struct Due {
    std::shared_ptr<const Script> script;  // owns the lines
    std::vector<const Line*> lines;

    /// The first of this effect, or null.
    const Line* find(Effect effect) const;
};

/// The module behind this one and everything that is known of its use by this process.
class Setup {
public:
    /// Null, with a message on standard error, when the environment does not hold up.
    static std::shared_ptr<Setup> make(const Environment& environment);

    /// Counts the call and says what is to befall it.
    Due due(Function function);
    std::shared_ptr<const Script> script() { return script_file_.current(); }
    CK_FUNCTION_LIST& real() const { return *real_; }
    const Environment& environment() const { return environment_; }

    const std::unique_ptr<State> state;
    Sessions sessions{*state};
    Signatures signatures;
    /// Held shared by every call into the real module, and alone by what happens behind its
    /// callers' backs: modules do not survive a session closed in the middle of a call.
    std::shared_mutex gate;
    /// Held from a look at the number of sessions to the opening of one more.
    std::mutex opening;

private:
    Setup(Environment environment, std::unique_ptr<State> counters, CK_FUNCTION_LIST& real);

    const Environment environment_;
    CK_FUNCTION_LIST* const real_;
    ScriptFile script_file_;
};

/// The setup of this process: made by the first call and, when the environment has changed, by
/// C_Initialize. A process that was forked gets one of its own.
std::shared_ptr<Setup> setup_for(Function function);

}  // namespace faultp11
