#pragma once

#include "service/approvals.h"
#include "service/policies.h"
#include "service/powers.h"
#include "support/software_appliance.h"
#include "support/ssh_signer.h"

#include <catch2/catch.hpp>

#include <memory>
#include <string>

namespace clawsigner::tests {

/// An appliance whose log has a name, with one operator whose approval is enough.
struct GovernedAppliance {
    SshSigner alice{crypto::SshKeyType::ed25519};
    SoftwareAppliance on;
    std::unique_ptr<service::Lifecycle> lifecycle = named_log();
    service::Powers powers{*on.ledger, *lifecycle, SoftwareAppliance::kOwnUser};
    service::Policies policies{*on.ledger, *lifecycle, on.keyring, on.clock, {}};
    service::Approvals approvals{*lifecycle, powers, policies, *on.ledger, on.time};

    GovernedAppliance() {
        const policy::Operator person{"alice", alice.key(), std::nullopt, std::nullopt, {}};
        REQUIRE(approvals.seed(policy::Operators::of({person}, 1).value()).ok());
    }
    /// Alice's approval of it.
    std::string yes(const policy::ActRequest& request) const {
        return alice.sign(policy::approval_message(request), policy::kApprovalNamespace);
    }

private:
    std::unique_ptr<service::Lifecycle> named_log() {
        auto options = on.lifecycle_options();
        options.origin = "clawsigner.test/log";
        return service::Lifecycle::open(*on.ledger, on.keyring, on.clock, std::move(options))
            .value();
    }
};

}  // namespace clawsigner::tests
