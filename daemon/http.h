#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// HTTP as far as the operations see it: no stream, no parser, no Beast.
namespace clawsigner::daemon {

enum class Method : std::uint8_t { get, post };

/// "GET", "POST". Static storage.
constexpr std::string_view method_name(Method method) noexcept {
    return method == Method::get ? "GET" : "POST";
}

struct Answer {
    unsigned status = 200;
    std::string body;  // JSON
    std::vector<std::pair<std::string, std::string>> headers;
    std::string_view code;  // the error's, for the log; empty when good. Static storage.
    // That said no, with POLICY_DENIED. Static storage.
    // NOLINTNEXTLINE(readability-redundant-member-init): GCC misses it where an Answer is made
    std::string_view rule{};
    std::string_view content_type = "application/json";  // static storage
};

inline Answer good_answer(std::string body, unsigned status = 200) {
    return {status, std::move(body), {}, {}};
}

}  // namespace clawsigner::daemon
