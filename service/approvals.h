#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "ledger/log.h"
#include "policy/act_request.h"
#include "policy/operators.h"
#include "service/boot_approval.h"
#include "service/gated_act.h"
#include "service/lifecycle.h"
#include "service/policies.h"
#include "service/powers.h"

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::service {

/// Acts that wait until operators have approved of exactly that. Requests and operators are state
/// in the ledger. What expires is judged by the latest time that was shown. Thread-safe.
class Approvals {
public:
    static constexpr std::chrono::hours kPatience{24};  // until a request expires
    static constexpr std::size_t kMaxRequests = 32;     // that wait at a time

    /// All outlive it.
    Approvals(Lifecycle& lifecycle, Powers& powers, Policies& policies, ledger::Log& log,
              const base::WatchedClock& time)
        : lifecycle_(lifecycle), powers_(powers), policies_(policies), log_(log), time_(time) {}

    /// The stores whose boot states are approved of here. Once, before anything is asked.
    void know_boot_stores(BootStores stores) { boot_stores_ = std::move(stores); }

    /// The operators of this appliance. Errors: no_operators; as policy::parse_operators.
    Result<policy::Operators> operators() const;

    /// Enrols the appliance's first operators; done, also when it has some already, which are then
    /// left as they are. Errors: as Lifecycle::act.
    Status seed(const policy::Operators& operators);

    /// The act waits from here on. `arguments` is canonical JSON; `document` the text that they
    /// name (policy/policy_acts.h), unless the ledger has it. Errors: no_operators; the one that
    /// the act itself would give now; queue_full; as policy::check_request, Lifecycle::act.
    Result<policy::ActRequest> file(const claw::LeafCaller& caller, GatedAct act,
                                    std::string arguments, std::string why,
                                    const std::optional<std::string>& document = std::nullopt);

    /// Those that wait and have not expired, the oldest first.
    std::vector<policy::ActRequest> waiting() const;
    /// One that waits, or waited and has expired. Error: not_found.
    Result<policy::ActRequest> find(const std::string& id) const;
    /// The text that it is about, for an act that names one. Errors: as Policies::document.
    Result<std::optional<std::string>> document_of(const policy::ActRequest& request) const;

    /// A request with one more approval; `done` says that they were enough and it was carried out.
    struct Approved {
        policy::ActRequest request;
        bool done = false;
    };
    /// Adds an operator's approval and, when it is the last that was missing, carries the act out.
    /// Errors: not_found; as policy::approve; as the act itself: a request of which nothing was
    /// begun then still waits, and is carried out when one of those who approved asks again.
    Result<Approved> approve(const claw::LeafCaller& caller, const std::string& id,
                             std::string_view signature);
    /// The request is gone. Error: not_found; as Lifecycle::act.
    Result<policy::ActRequest> deny(const claw::LeafCaller& caller, const std::string& id,
                                    std::optional<std::string> why);

private:
    Status check(GatedAct act, const std::string& arguments,
                 const std::optional<std::string>& document) const;
    Status check_policy(GatedAct act, const std::string& arguments,
                        const std::optional<std::string>& document) const;
    Status check_on_key(GatedAct act, const std::string& arguments) const;
    Status carry_out_policy(GatedAct act, const Doing& doing, const std::string& arguments);
    Status carry_out_on_key(GatedAct act, const Doing& doing, const std::string& arguments);
    Status carry_out(const claw::LeafCaller& caller, const policy::ActRequest& request);
    std::vector<policy::ActRequest> filed() const;
    RowSet expired() const;

    Lifecycle& lifecycle_;
    Powers& powers_;
    Policies& policies_;
    ledger::Log& log_;
    const base::WatchedClock& time_;
    BootStores boot_stores_;
    std::mutex mutex_;  // one change at a time
};

}  // namespace clawsigner::service
