#pragma once

#include "base/result.h"
#include "ledger/log.h"
#include "policy/ceiling.h"
#include "policy/roles.h"
#include "service/lifecycle.h"

#include <cstdint>
#include <memory>
#include <mutex>

namespace clawsigner::service {

/// How far the appliance's power reaches, as the state in the ledger says. Thread-safe.
class Powers {
public:
    /// Both outlive it. `own_user` is the daemon's: it has the roles that are nobody else's.
    Powers(const ledger::Log& log, Lifecycle& lifecycle, std::uint32_t own_user);

    /// The ceiling of tokens. One that allows nothing, where the state says none.
    std::shared_ptr<const policy::TokenCeiling> ceiling() const;

    /// Sets the ceiling where the state says none yet; what it says already stays. Errors: as
    /// Lifecycle::act.
    Status seed(const policy::TokenCeiling& ceiling);
    /// Sets it, whatever it was. Errors: as Lifecycle::act.
    Status set(const Doing& doing, const policy::TokenCeiling& ceiling);

    /// Who has which role: every role is in it. The daemon's own user alone has all of them where
    /// the state says nothing that can be read.
    std::shared_ptr<const policy::RoleTable> roles() const;
    /// The roles that the state names. Errors: not_found, when it says none yet; ledger_damaged,
    /// when it says what is no table of roles.
    Result<policy::RoleTable> named_roles() const;

    /// Names who has which role where the state says none yet; what it says already stays. Errors:
    /// as Lifecycle::act.
    Status seed(const policy::RoleTable& roles);
    /// Gives the role to these callers when none of them is new to it. False, and nothing is done,
    /// when one is. Errors: as policy::check_callers, Lifecycle::act.
    Result<bool> narrow(const Doing& doing, const policy::RoleChange& change);
    /// Gives the role to these callers, whoever had it. Errors: as narrow.
    Status set(const Doing& doing, const policy::RoleChange& change);

private:
    void read() const;
    Status set_one(const Doing& doing, const policy::RoleChange& change);

    const ledger::Log& log_;
    Lifecycle& lifecycle_;
    const std::uint32_t own_user_;
    std::mutex changing_;  // one change of roles at a time
    mutable std::mutex mutex_;
    mutable std::shared_ptr<const claw::Settings> rows_;
    mutable std::shared_ptr<const policy::RoleTable> roles_;
    mutable std::shared_ptr<const policy::TokenCeiling> ceiling_ =
        std::make_shared<const policy::TokenCeiling>();
};

}  // namespace clawsigner::service
