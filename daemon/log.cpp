#include "daemon/log.h"

#include "base/clock.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace clawsigner::daemon {
namespace {

spdlog::level::level_enum spdlog_level(Log::Level level) {
    switch (level) {
        case Log::Level::debug:
            return spdlog::level::debug;
        case Log::Level::info:
            return spdlog::level::info;
        case Log::Level::warning:
            return spdlog::level::warn;
        case Log::Level::error:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

std::string_view level_name(Log::Level level) {
    switch (level) {
        case Log::Level::debug:
            return "debug";
        case Log::Level::info:
            return "info";
        case Log::Level::warning:
            return "warning";
        case Log::Level::error:
            return "error";
    }
    return "error";
}

}  // namespace

Log::Log(Level least)
    : logger_(std::make_shared<spdlog::logger>("clawsignerd",
                                               std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
    logger_->set_pattern("%v");
    logger_->set_level(spdlog_level(least));
    logger_->flush_on(spdlog::level::debug);
}

Log::~Log() = default;

bool Log::wants(Level level) const noexcept {
    return logger_->should_log(spdlog_level(level));
}

void Log::event(std::string_view name, Level level, claw::JsonWriter&& members) const {
    if (!wants(level)) {
        return;
    }
    std::string line = claw::JsonWriter()
                           .time("time", base::SystemClock().now())
                           .text("level", level_name(level))
                           .text("event", name)
                           .done();
    const std::string rest = members.done();
    if (rest != "{}") {
        line.back() = ',';
        line.append(rest, 1);
    }
    logger_->log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace clawsigner::daemon
