#include "policy/approval.h"
#include "service/approvals.h"
#include "support/software_appliance.h"
#include "support/ssh_signer.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace clawsigner;
using namespace std::chrono_literals;
using policy::Role;
using service::GatedAct;
using tests::SoftwareAppliance;
using tests::SshSigner;

namespace {

const claw::LeafCaller kAdmin{"admin", 0};
const policy::RoleChange kWider{Role::proxy, {{7}, {}}};

/// An appliance whose log has a name, and its one operator.
struct Gated {
    SshSigner alice{crypto::SshKeyType::ed25519};
    SoftwareAppliance on;
    std::unique_ptr<service::Lifecycle> lifecycle = named_log();
    service::Powers powers{*on.ledger, *lifecycle, SoftwareAppliance::kOwnUser};
    service::Policies policies{*on.ledger, *lifecycle, on.keyring, on.clock, {}};
    service::Approvals approvals{*lifecycle, powers, policies, *on.ledger, on.clock};

    Gated() {
        const policy::Operator person{"alice", alice.key(), std::nullopt, std::nullopt, {}};
        REQUIRE(approvals.seed(policy::Operators::of({person}, 1).value()).ok());
    }
    std::unique_ptr<service::Lifecycle> named_log() {
        auto options = on.lifecycle_options();
        options.origin = "clawsigner.test/log";
        return service::Lifecycle::open(*on.ledger, on.keyring, on.clock, std::move(options))
            .value();
    }
    policy::ActRequest file() {
        return approvals
            .file(kAdmin, GatedAct::set_roles, policy::role_change_text(kWider), "the gateway")
            .value();
    }
    std::string yes(const policy::ActRequest& request) const {
        return alice.sign(policy::approval_message(request), policy::kApprovalNamespace);
    }
};

}  // namespace

TEST_CASE("requests: one that has expired waits no more, and cannot be approved of", "[service]") {
    Gated gated;
    const auto request = gated.file();
    CHECK(gated.approvals.waiting().size() == 1);
    gated.on.clock.advance(service::Approvals::kPatience);
    CHECK(gated.approvals.waiting().empty());
    CHECK(gated.approvals.approve(kAdmin, request.id, gated.yes(request)).error().code ==
          ErrorCode::approval_expired);
    const auto next = gated.file();
    CHECK(gated.approvals.waiting().size() == 1);
    CHECK(gated.approvals.find(request.id).error().code == ErrorCode::not_found);
    CHECK(gated.approvals.find(next.id).ok());
}

TEST_CASE("requests: a new caller comes by operators, and the leaf of each holds what they signed",
          "[service]") {
    Gated gated;
    const auto request = gated.file();
    CHECK_FALSE(gated.powers.roles()->at(Role::proxy) == kWider.callers);
    const std::string signature = gated.yes(request);
    CHECK(gated.approvals.approve(kAdmin, request.id, signature).value().done);
    CHECK(gated.powers.roles()->at(Role::proxy) == kWider.callers);
    const auto approved =
        std::ranges::find(gated.on.acts, "approvals.approve", &claw::ActLeaf::act);
    REQUIRE(approved != gated.on.acts.end());
    CHECK(approved->set.at("approval/" + request.id) == signature);
    CHECK(gated.on.acts.back().act == "roles.set");
    CHECK(gated.on.acts.back().request == request.id);
    CHECK_FALSE(gated.on.ledger->setting("approval/" + request.id));
    CHECK_FALSE(gated.on.ledger->setting("request/" + request.id));
}
