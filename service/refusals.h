#pragma once

#include "claw/leaf.h"
#include "ledger/log.h"
#include "service/log_budget.h"

#include <string>
#include <string_view>

namespace clawsigner::service {

/// Puts refusals into the ledger: the first of a burst one by one, with the digest of what was
/// refused; what comes faster than that as a number. Thread-safe; waits for nothing.
class Refusals {
public:
    /// `log` outlives it.
    explicit Refusals(ledger::Log& log) : log_(log) {}

    /// `code` and `rule` are the error's; `request` is hashed, not kept.
    void note(const claw::LeafCaller& caller, std::string operation, std::string_view code,
              std::string_view rule, std::string_view request);

private:
    ledger::Log& log_;
    LogBudget budget_;
};

}  // namespace clawsigner::service
