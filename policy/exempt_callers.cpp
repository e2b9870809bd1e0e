#include "policy/exempt_callers.h"

#include "policy/roles.h"

#include <algorithm>
#include <charconv>

namespace clawsigner::policy {
namespace {

constexpr std::string_view kField = "receipts_without_cst";
constexpr std::string_view kAll = "all";

Error refused() {
    return Error::at(std::string(kField),
                     "must be \"all\", or up to 64 numbers of users with commas, each once");
}

}  // namespace

std::string exempt_callers_text(const ExemptCallers& callers) {
    if (callers.all) {
        return std::string(kAll);
    }
    std::string text;
    for (const std::uint32_t user : callers.users) {
        text.append(text.empty() ? "" : ",").append(std::to_string(user));
    }
    return text;
}

Result<ExemptCallers> parse_exempt_callers(std::string_view text) {
    ExemptCallers callers;
    callers.all = text == kAll;
    if (callers.all || text.empty()) {
        return callers;
    }
    while (true) {
        std::uint32_t user = 0;
        const auto [rest, error] = std::from_chars(text.begin(), text.end(), user);
        const auto length = static_cast<std::size_t>(rest - text.begin());
        const bool known = user != kOverflowId && user != UINT32_MAX;
        const bool spelled = text.substr(0, length) == std::to_string(user);
        if (error != std::errc() || !spelled || !known || !callers.users.insert(user).second ||
            callers.users.size() > kMaxExemptCallers) {
            return refused();
        }
        if (length == text.size()) {
            return callers;
        }
        if (*rest != ',') {
            return refused();
        }
        text.remove_prefix(length + 1);
    }
}

bool is_no_wider(const ExemptCallers& next, const ExemptCallers& current) {
    return current.all || (!next.all && std::ranges::includes(current.users, next.users));
}

}  // namespace clawsigner::policy
