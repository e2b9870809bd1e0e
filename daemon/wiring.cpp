#include "daemon/wiring.h"

#include "daemon/accounts.h"
#include "daemon/plan.h"
#include "daemon/seeding.h"
#include "daemon/state_events.h"
#include "hsm/keyring.h"
#include "ledger/log.h"
#include "pkcs11/softhsm_lock.h"
#include "pkcs11/token_backend.h"
#include "service/approvals.h"
#include "service/checkpointer.h"
#include "service/decision_seal.h"
#include "service/lifecycle.h"
#include "service/policies.h"
#include "service/powers.h"
#include "service/presented_token.h"
#include "service/prober.h"
#include "service/proofs.h"
#include "service/refusals.h"
#include "service/request_rows.h"
#include "tpm/tpm_backend.h"

#include <cstdlib>
#include <map>
#include <unistd.h>
#include <utility>
#include <vector>

namespace clawsigner::daemon {
namespace {

using config::at_line;
using config::BackendConfig;
using config::Config;

/// Vendors' modules read their settings from the environment; those in a process of their own find
/// it there. Called before the first thread starts.
void set_environment(const Config& config) {
    // The TPM's software stack writes to standard error as it pleases; what it says is in our
    // errors. An operator's own setting stands.
    ::setenv("TSS2_LOG", "all+NONE", 0);  // NOLINT(concurrency-mt-unsafe): no thread yet
    for (const BackendConfig& backend : config.backends) {
        if (backend.own_process) {
            continue;
        }
        for (const auto& [name, value] : backend.environment) {
            // NOLINTNEXTLINE(concurrency-mt-unsafe): no thread yet
            ::setenv(name.c_str(), value.c_str(), 1);
        }
    }
}

/// Two daemons on one token undo each other's logins, and whoever finds a PIN refused cannot tell
/// the other. For SoftHSM, whose tokens are a directory; other modules have none to hold.
Result<pkcs11::SoftHsmLock> lock_tokens(const Config& config) {
    pkcs11::SoftHsmLock lock;
    for (const BackendConfig& backend : config.backends) {
        const auto conf = backend.environment.find("SOFTHSM2_CONF");
        if (conf == backend.environment.end()) {
            continue;
        }
        if (const Status taken = lock.take(conf->second); !taken.ok()) {
            return at_line(config, backend.line,
                           "backends." + backend.name + ": " + taken.error().message);
        }
    }
    return lock;
}

Result<std::unique_ptr<ledger::Log>> open_ledger(const Config& config, const Clock& clock,
                                                 const Log& log) {
    ledger::Log::Options options;
    options.directory = config.server.state_directory;
    options.clock = &clock;
    options.keep_answers = config.ledger.keep_receipts;
    options.deadline = config.ledger.deadline;
    options.on_change = [&log](const auto& status) { log_ledger(log, status); };
    TRY(auto opened, ledger::Log::open(std::move(options)));
    opened->note(claw::StartLeaf{CLAWSIGNER_VERSION});
    return opened;
}

struct HostClock {
    base::SystemClock wall;
    base::WatchedClock watched{wall};
};

class AppliancePlant final : public Wiring {
public:
    AppliancePlant(pkcs11::SoftHsmLock lock, std::unique_ptr<HostClock> clock,
                   std::unique_ptr<ledger::Log> ledger)
        : lock_(std::move(lock)),
          clock_holder_(std::move(clock)),
          clock_(&clock_holder_->watched),
          ledger_(std::move(ledger)),
          refusals_(*ledger_),
          proofs_(*ledger_) {
        appliance_.clock = clock_;
        appliance_.time = clock_;
        appliance_.ledger = ledger_.get();
        appliance_.refusals = &refusals_;
        appliance_.proofs = &proofs_;
        appliance_.started = clock_->now();
    }

    /// Once, before anything else. Errors: as Wiring::make.
    Status equip(const Config& config, Plan plan, const Log& log) {
        appliance_.limits = {config.signing.timestamp_skew, config.signing.deadline,
                             config.ledger.deadline};
        open_stores(config, plan, log);
        CHECK_OK(take_up_state(config, log));
        watch(config);
        return Status::done();
    }

    Status close_ledger(Deadline deadline) override {
        refusals_.finish();
        return checkpointer_->close(deadline);
    }

    const service::Appliance& appliance() const override { return appliance_; }

private:
    void open_stores(const Config& config, Plan& plan, const Log& log) {
        std::map<std::string, hsm::Backend*> by_name;
        for (auto& [name, settings] : plan.tokens) {
            pkcs11::TokenBackend::Options options;
            const std::string backend = name;
            options.pin_memory = pin_memory_path(config, name);
            options.on_change = [&log, backend](const auto& status) {
                log_state(log, backend, status);
            };
            backends_.push_back(
                std::make_unique<pkcs11::TokenBackend>(std::move(settings), options, *clock_));
            by_name[name] = backends_.back().get();
            appliance_.backends.push_back({name, backends_.back().get()});
        }
        for (auto& [name, settings] : plan.tpms) {
            tpm::TpmBackend::Options options;
            options.on_change = [&log, backend = name](const auto& status) {
                log_state(log, backend, status);
            };
            const bool asks_for_states = !settings.pcrs.empty();
            auto made = std::make_unique<tpm::TpmBackend>(std::move(settings), options, *clock_);
            if (asks_for_states) {
                boot_stores_[name] = made.get();
            }
            backends_.push_back(std::move(made));
            by_name[name] = backends_.back().get();
            appliance_.backends.push_back({name, backends_.back().get()});
        }
        std::map<crypto::Family, hsm::Keyring::Home> homes;
        for (const FamilySettings& family : plan.families) {
            homes[family.family] = {by_name.at(family.backend), family.algorithm, family.custody};
            appliance_.families.push_back(family.family);
        }
        keyring_ = std::make_unique<hsm::Keyring>(std::move(homes),
                                                  hsm::VerifyPolicy{config.signing.verify_one_in});
        appliance_.keyring = keyring_.get();
    }

    /// What the ledger says of keys and powers; at the first start, what it is to say.
    Status take_up_state(const Config& config, const Log& log) {
        service::Lifecycle::Options options;
        options.deadline = config.signing.deadline + config.ledger.deadline;
        options.origin = config.ledger.origin.value;
        options.on_act = [&log](const auto& act) { log_act(log, act); };
        TRY(lifecycle_, service::Lifecycle::open(*ledger_, *keyring_, *clock_, std::move(options)));
        appliance_.lifecycle = lifecycle_.get();
        powers_ = std::make_unique<service::Powers>(*ledger_, *lifecycle_, ::geteuid());
        appliance_.powers = powers_.get();
        // A first start that ends at a bad configuration has taken up nothing of it.
        CHECK_OK(configured_trust(config));
        if (!ledger_->setting(std::string(service::kOperatorsRow))) {
            CHECK_OK(configured_operators(config, clock_->judged()));
        }
        CHECK_OK(seed_roles(config, *ledger_, *powers_, log));
        seed_ceiling(config, *powers_, log);
        service::Policies::Options policy;
        policy.deadline = config.signing.deadline;
        policy.on_fault = [&log](const auto& fault) { log_policy_fault(log, fault); };
        policies_ = std::make_unique<service::Policies>(*ledger_, *lifecycle_, *keyring_, *clock_,
                                                        std::move(policy));
        appliance_.policies = policies_.get();
        presented_ = std::make_unique<service::PresentedTokens>(*ledger_, *lifecycle_);
        appliance_.presented = presented_.get();
        TRY(auto seal, service::DecisionSeal::open(config.server.state_directory / "decision.key"));
        seal_ = std::make_unique<service::DecisionSeal>(std::move(seal));
        appliance_.seal = seal_.get();
        CHECK_OK(seed_trust(config, *policies_, log));
        approvals_ = std::make_unique<service::Approvals>(*lifecycle_, *powers_, *policies_,
                                                          *ledger_, *clock_);
        approvals_->know_boot_stores(boot_stores_);
        appliance_.approvals = approvals_.get();
        return seed_operators(config, *approvals_, clock_->judged());
    }

    void watch(const Config& config) {
        service::Prober::Options probing;
        probing.deadline = config.signing.deadline;
        prober_ =
            std::make_unique<service::Prober>(*keyring_, appliance_.families, *clock_, probing);
        appliance_.prober = prober_.get();
        service::Checkpointer::Options checkpoints;
        checkpoints.origin = config.ledger.origin.value;
        checkpointer_ =
            std::make_unique<service::Checkpointer>(*ledger_, *keyring_, std::move(checkpoints));
        appliance_.checkpointer = checkpointer_.get();
    }

    // In the order of their lifetimes.
    pkcs11::SoftHsmLock lock_;
    std::unique_ptr<HostClock> clock_holder_;
    const base::WatchedClock* clock_;
    std::unique_ptr<ledger::Log> ledger_;
    service::Refusals refusals_;
    service::Proofs proofs_;
    std::vector<std::unique_ptr<hsm::Backend>> backends_;
    service::BootStores boot_stores_;
    std::unique_ptr<hsm::Keyring> keyring_;
    std::unique_ptr<service::Lifecycle> lifecycle_;
    std::unique_ptr<service::Powers> powers_;
    std::unique_ptr<service::Policies> policies_;
    std::unique_ptr<service::PresentedTokens> presented_;
    std::unique_ptr<service::DecisionSeal> seal_;
    std::unique_ptr<service::Approvals> approvals_;
    std::unique_ptr<service::Prober> prober_;
    std::unique_ptr<service::Checkpointer> checkpointer_;
    service::Appliance appliance_;
};

}  // namespace

Status Wiring::check(const Config& config) {
    CHECK_OK(plan_of(config));
    CHECK_OK(configured_roles(config));
    CHECK_OK(configured_trust(config));
    CHECK_OK(configured_operators(config, base::SystemClock().now()));
    CHECK_OK(check_state_directory(config));
    return check_files(config);
}

Result<std::unique_ptr<Wiring>> Wiring::make(const Config& config, const Log& log) {
    TRY(Plan plan, plan_of(config));
    CHECK_OK(check_state_directory(config));
    TRY(pkcs11::SoftHsmLock lock, lock_tokens(config));
    set_environment(config);
    auto clock = std::make_unique<HostClock>();
    TRY(auto ledger, open_ledger(config, clock->watched, log));
    if (const auto latest = ledger->latest_time(); latest.ok()) {
        clock->watched.remember(*latest);
    }
    auto plant =
        std::make_unique<AppliancePlant>(std::move(lock), std::move(clock), std::move(ledger));
    CHECK_OK(plant->equip(config, std::move(plan), log));
    return std::unique_ptr<Wiring>(std::move(plant));
}

}  // namespace clawsigner::daemon
