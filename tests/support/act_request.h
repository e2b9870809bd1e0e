#pragma once

#include "policy/act_request.h"

#include <chrono>

namespace clawsigner::tests {

/// 2026-03-01T12:00:00.000Z: when the requests below are made.
inline constexpr UnixMillis kRequested{std::chrono::sys_days{std::chrono::year(2026) / 3 / 1} +
                                       std::chrono::hours(12)};

/// A request that lives for an hour and that nobody has approved of.
inline policy::ActRequest act_request() {
    policy::ActRequest request;
    request.id = "4f6c1a9e-3f0b-4a53-9c7e-0d6a5a3f1b2c";
    request.act = "keys.destroy";
    request.arguments = R"({"family":"cst","version":3})";
    request.log_origin = "log.example.com/1";
    request.created = kRequested;
    request.expires = kRequested + std::chrono::hours(1);
    request.requester = {"admin", 1000};
    request.why = "its disk was sold";
    return request;
}

}  // namespace clawsigner::tests
