#pragma once

#include "base/result.h"
#include "ledger/log.h"
#include "policy/ceiling.h"
#include "service/lifecycle.h"

#include <memory>
#include <mutex>

namespace clawsigner::service {

/// How far the appliance's power reaches, as the state in the ledger says. Thread-safe.
class Powers {
public:
    /// Both outlive it.
    Powers(const ledger::Log& log, Lifecycle& lifecycle) : log_(log), lifecycle_(lifecycle) {}

    /// The ceiling of tokens. One that allows nothing, where the state says none.
    std::shared_ptr<const policy::TokenCeiling> ceiling() const;

    /// Sets the ceiling where the state says none yet; what it says already stays. Errors: as
    /// Lifecycle::act.
    Status seed(const policy::TokenCeiling& ceiling);
    /// Sets it, whatever it was. Errors: as Lifecycle::act.
    Status set(const Doing& doing, const policy::TokenCeiling& ceiling);

private:
    const ledger::Log& log_;
    Lifecycle& lifecycle_;
    mutable std::mutex mutex_;
    mutable std::shared_ptr<const claw::Settings> rows_;
    mutable std::shared_ptr<const policy::TokenCeiling> ceiling_ =
        std::make_shared<const policy::TokenCeiling>();
};

}  // namespace clawsigner::service
