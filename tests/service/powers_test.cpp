#include "service/powers.h"

#include "support/software_appliance.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using policy::Role;
using tests::SoftwareAppliance;

namespace {

const service::Doing kDoing{claw::LeafCaller{"admin", 0}, "a test", std::nullopt, {}};
const policy::Callers kOwn{{SoftwareAppliance::kOwnUser}, {}};

}  // namespace

TEST_CASE("powers: until the state names roles, all are the daemon's own user's", "[service]") {
    const SoftwareAppliance on;
    CHECK(on.powers->named_roles().error().code == ErrorCode::not_found);
    for (const Role role : policy::kRoles) {
        CHECK(on.powers->roles()->at(role) == kOwn);
    }
}

TEST_CASE("powers: roles are seeded once, also when none are named", "[service]") {
    const SoftwareAppliance on;
    REQUIRE(on.powers->seed(policy::RoleTable{}).ok());
    REQUIRE(on.powers->seed(policy::RoleTable{{Role::admin, {{7}, {}}}}).ok());
    CHECK(on.powers->named_roles().value().empty());
    CHECK(on.powers->roles()->at(Role::admin) == kOwn);
}

TEST_CASE("powers: callers are taken away at once, and new ones are not let in by that",
          "[service]") {
    const SoftwareAppliance on;
    REQUIRE(on.powers->seed(policy::RoleTable{{Role::proxy, {{7, 8}, {20}}}}).ok());
    CHECK_FALSE(on.powers->narrow(kDoing, {Role::proxy, {{7, 9}, {}}}).value());
    CHECK(on.powers->roles()->at(Role::proxy) == policy::Callers{{7, 8}, {20}});
    CHECK(on.powers->narrow(kDoing, {Role::proxy, {{7}, {}}}).value());
    CHECK(on.powers->roles()->at(Role::proxy) == policy::Callers{{7}, {}});
    CHECK(on.powers->roles()->at(Role::admin) == kOwn);
    CHECK(on.powers->narrow(kDoing, {Role::admin, {}}).error().code == ErrorCode::invalid_field);
}

TEST_CASE("powers: a role that nobody was named for is its own user's to narrow", "[service]") {
    const SoftwareAppliance on;
    CHECK_FALSE(on.powers->narrow(kDoing, {Role::issuer, {{7}, {}}}).value());
    CHECK(on.powers->narrow(kDoing, {Role::issuer, kOwn}).value());
    CHECK(on.powers->narrow(kDoing, {Role::issuer, {}}).value());
    CHECK(on.powers->roles()->at(Role::issuer) == policy::Callers());
}

TEST_CASE("powers: the table stays the same object until it says something else", "[service]") {
    const SoftwareAppliance on;
    const auto before = on.powers->roles();
    REQUIRE(on.lifecycle->freeze(kDoing, crypto::Family::cst).ok());
    CHECK(on.powers->roles() == before);
    REQUIRE(on.powers->set(kDoing, {Role::issuer, {{7}, {}}}).ok());
    CHECK_FALSE(on.powers->roles() == before);
}

TEST_CASE("powers: a row that is no table of roles lets in nobody but the own user", "[service]") {
    const SoftwareAppliance on;
    service::Doing doing = kDoing;
    doing.rows["roles/callers"] = R"({"roles":[{"groups":[],"role":"admin","users":[]}],"v":1})";
    REQUIRE(on.lifecycle->act(doing, "a test", "roles").ok());
    CHECK(on.powers->named_roles().error().code == ErrorCode::ledger_damaged);
    CHECK(on.powers->roles()->at(Role::admin) == kOwn);
    CHECK(on.powers->set(kDoing, {Role::proxy, {{7}, {}}}).error().code ==
          ErrorCode::ledger_damaged);
}
