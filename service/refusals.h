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

    /// The number of those that have not been told apart, if any. Before the log is closed.
    void finish();

private:
    // A caller that only ever sends what is refused must not fill the disk: 50 MB a day.
    static constexpr LogBudget::Rate kRate{100, 1};

    ledger::Log& log_;
    LogBudget budget_{kRate};
};

}  // namespace clawsigner::service
