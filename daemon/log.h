#pragma once

#include "claw/json_writer.h"

#include <memory>
#include <string_view>

namespace spdlog {
class logger;  // NOLINT(readability-identifier-naming): spdlog's name
}

namespace clawsigner::daemon {

/// One JSON object a line on standard error: time, level, event, and the event's own members.
/// Thread-safe. No secret, no artefact and no caller's content is ever passed in; the callers see
/// to it.
class Log {
public:
    enum class Level { debug, info, warning, error };

    explicit Log(Level least);
    ~Log();

    bool wants(Level level) const noexcept;

    /// event("backend.state", Log::Level::info, JsonWriter().text("backend", "main"));
    void event(std::string_view name, Level level, claw::JsonWriter&& members = {}) const;

private:
    std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace clawsigner::daemon
