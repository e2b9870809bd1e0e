#include "policy/approval.h"
#include "service/approvals.h"
#include "support/governed_appliance.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace clawsigner;
using namespace std::chrono_literals;
using policy::Role;
using service::GatedAct;
using tests::GovernedAppliance;

namespace {

const claw::LeafCaller kAdmin{"admin", 0};
const policy::RoleChange kWider{Role::proxy, {{7}, {}}};

policy::ActRequest file(GovernedAppliance& governed) {
    return governed.approvals
        .file(kAdmin, GatedAct::set_roles, policy::role_change_text(kWider), "the gateway")
        .value();
}

}  // namespace

TEST_CASE("requests: one that has expired waits no more, and cannot be approved of", "[service]") {
    GovernedAppliance governed;
    const auto request = file(governed);
    CHECK(governed.approvals.waiting().size() == 1);
    governed.on.clock.advance(service::Approvals::kPatience);
    CHECK(governed.approvals.waiting().empty());
    CHECK(governed.approvals.approve(kAdmin, request.id, governed.yes(request)).error().code ==
          ErrorCode::approval_expired);
    governed.on.clock.advance(-service::Approvals::kPatience);
    CHECK(governed.approvals.waiting().empty());  // it was judged by a later time before
    const auto next = file(governed);
    CHECK(governed.approvals.waiting().size() == 1);
    CHECK(governed.approvals.find(request.id).error().code == ErrorCode::not_found);
    CHECK(governed.approvals.find(next.id).ok());
}

TEST_CASE("requests: a new caller comes by operators, and the leaf of each holds what they signed",
          "[service]") {
    GovernedAppliance governed;
    const auto request = file(governed);
    CHECK_FALSE(governed.powers.roles()->at(Role::proxy) == kWider.callers);
    const std::string signature = governed.yes(request);
    CHECK(governed.approvals.approve(kAdmin, request.id, signature).value().done);
    CHECK(governed.powers.roles()->at(Role::proxy) == kWider.callers);
    const auto approved =
        std::ranges::find(governed.on.acts, "approvals.approve", &claw::ActLeaf::act);
    REQUIRE(approved != governed.on.acts.end());
    CHECK(approved->set.at("approval/" + request.id) == signature);
    CHECK(governed.on.acts.back().act == "roles.set");
    CHECK(governed.on.acts.back().request == request.id);
    CHECK_FALSE(governed.on.ledger->setting("approval/" + request.id));
    CHECK_FALSE(governed.on.ledger->setting("request/" + request.id));
}
