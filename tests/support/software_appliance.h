#pragma once

#include "service/appliance.h"
#include "service/approvals.h"
#include "service/checkpointer.h"
#include "service/decision_seal.h"
#include "service/issue_token.h"
#include "service/lifecycle.h"
#include "service/policies.h"
#include "service/powers.h"
#include "service/presented_token.h"
#include "service/proofs.h"
#include "service/refusals.h"
#include "service/sign_receipt.h"
#include "support/fixed_clock.h"
#include "support/software_backend.h"
#include "support/temp_dir.h"

#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::tests {

/// Whether issuers and proxies are taken at their word from the first start.
enum class Trusting : std::uint8_t { as_in_development, nobody };

/// Everything below the sockets, with a key store in memory, a clock that stands still, a key of
/// each family, and a ceiling as in development.
struct SoftwareAppliance {
    static constexpr std::uint32_t kOwnUser = 1000;

    explicit SoftwareAppliance(crypto::Algorithm algorithm = crypto::Algorithm::ed25519,
                               Trusting trusting = Trusting::as_in_development) {
        for (const crypto::Family family : crypto::kFamilies) {
            backend
                .generate({family, 1}, crypto::signs_with(family, algorithm)
                                           ? algorithm
                                           : crypto::Algorithm::ed25519)
                .value();
        }
        lifecycle = service::Lifecycle::open(*ledger, keyring, clock, lifecycle_options()).value();
        appliance.lifecycle = lifecycle.get();
        powers = std::make_unique<service::Powers>(*ledger, *lifecycle, kOwnUser);
        appliance.powers = powers.get();
        policies = std::make_unique<service::Policies>(*ledger, *lifecycle, keyring, clock,
                                                       service::Policies::Options());
        appliance.policies = policies.get();
        presented = std::make_unique<service::PresentedTokens>(*ledger, *lifecycle);
        appliance.presented = presented.get();
        approvals =
            std::make_unique<service::Approvals>(*lifecycle, *powers, *policies, *ledger, time);
        appliance.approvals = approvals.get();
        const bool seeded = trusting == Trusting::nobody ||
                            policies->seed({{true, true, {"clawproxy.com"}, {}}, {true, {}}}).ok();
        if (!seeded) {
            std::abort();
        }
        set_ceiling({std::chrono::seconds(3600), policy::NameSet({"*"}), policy::NameSet({"*"})});
    }

    std::vector<claw::ActLeaf> acts;  // every step that was taken, in order
    std::mutex acts_mutex;
    FixedClock clock;
    base::WatchedClock time{clock};
    SoftwareBackend backend;
    hsm::Keyring keyring{{{crypto::Family::gateway_receipt, {&backend}},
                          {crypto::Family::cst, {&backend}},
                          {crypto::Family::work_policy, {&backend}},
                          {crypto::Family::checkpoint, {&backend}}},
                         {}};
    std::vector<crypto::Family> families{crypto::kFamilies.begin(), crypto::kFamilies.end()};
    service::Prober prober{keyring, families, clock};
    TempDir directory;
    std::unique_ptr<ledger::Log> ledger = open_ledger();
    service::Refusals refusals{*ledger};
    service::Proofs proofs{*ledger};
    std::unique_ptr<service::Lifecycle> lifecycle;
    std::unique_ptr<service::Powers> powers;
    std::unique_ptr<service::Policies> policies;
    std::unique_ptr<service::PresentedTokens> presented;
    service::DecisionSeal seal{crypto::MacKey::random().value()};
    std::unique_ptr<service::Approvals> approvals;
    service::Checkpointer checkpointer{*ledger, keyring, {"clawsigner.test/log"}};
    service::Appliance appliance = make_appliance();

    service::Lifecycle::Options lifecycle_options() {
        service::Lifecycle::Options options;
        options.on_act = [this](const auto& act) {
            const std::lock_guard lock(acts_mutex);
            acts.push_back(act);
        };
        return options;
    }
    void set_ceiling(const policy::TokenCeiling& ceiling) const {
        if (!powers->set({}, ceiling).ok()) {
            std::abort();
        }
    }
    std::unique_ptr<ledger::Log> open_ledger() const {
        ledger::Log::Options options;
        options.directory = directory.path();
        options.clock = &clock;
        return ledger::Log::open(std::move(options)).value();
    }
    service::Appliance make_appliance() {
        service::Appliance made;
        made.clock = &clock;
        made.time = &time;
        made.seal = &seal;
        made.keyring = &keyring;
        made.prober = &prober;
        made.ledger = ledger.get();
        made.refusals = &refusals;
        made.proofs = &proofs;
        made.checkpointer = &checkpointer;
        made.backends = {{"memory", &backend}};
        made.families = families;
        return made;
    }

    /// The receipts' key, and the tokens'.
    crypto::PublicKey key() const { return backend.keys()->keys[0].public_key; }
    crypto::PublicKey token_key() const { return backend.keys()->keys[1].public_key; }
};

inline const claw::LeafCaller kCaller{"proxy", 1000};

/// What was made, with its leaves in the appliance's ledger.
template <class T>
Result<T> recorded(const SoftwareAppliance& on, Result<service::Made<T>> made) {
    if (!made.ok()) {
        return made.error();
    }
    if (made->entry.items.empty()) {
        return made->artefact;
    }
    TRY(const auto outcomes,
        ledger::record(*on.ledger, {made->entry}, base::deadline_in(std::chrono::seconds(10))));
    return service::settled(*std::move(made), outcomes.front());
}

/// A receipt request that is good at the fixed clock's time.
inline const std::string kGoodReceipt =
    R"({"provider":"openai","model":"gpt","request_hash_b64u":"RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o",)"
    R"("response_hash_b64u":"RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o","tokens_input":1,"tokens_output":2,"latency_ms":3})";

}  // namespace clawsigner::tests
