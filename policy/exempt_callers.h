#pragma once

#include "base/result.h"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace clawsigner::policy {

inline constexpr std::size_t kMaxExemptCallers = 64;

/// Who may have receipts without showing the token the call was made under: users, by the kernel's
/// numbers. One made by default is nobody.
struct ExemptCallers {
    bool all = false;
    std::set<std::uint32_t> users;  // none where `all` is set

    bool contains(std::uint32_t user) const { return all || users.contains(user); }
    friend bool operator==(const ExemptCallers&, const ExemptCallers&) = default;
};

/// "all"; or numbers in ascending order with commas, "" for nobody: as the state keeps them and
/// `trust set receipts_without_cst` takes them.
std::string exempt_callers_text(const ExemptCallers& callers);
/// In any order, each once; at most kMaxExemptCallers, never kOverflowId. Error: invalid_field at
/// "receipts_without_cst".
Result<ExemptCallers> parse_exempt_callers(std::string_view text);

/// Does `next` exempt nobody whom `current` does not?
bool is_no_wider(const ExemptCallers& next, const ExemptCallers& current);

}  // namespace clawsigner::policy
