#include "service/lifecycle.h"

#include "claw/log_state.h"
#include "crypto/key_forms.h"
#include "service/intent.h"
#include "support/held_log.h"
#include "support/software_appliance.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace clawsigner;
using namespace std::chrono_literals;
using claw::KeyState;
using crypto::Family;
using tests::SoftwareAppliance;

namespace {

constexpr auto kFamily = Family::gateway_receipt;
const claw::LeafCaller kAdmin{"admin", 0};
const service::Doing kDoing{kAdmin, "a test", std::nullopt, {}};

service::RotationPlan at_once() {
    service::RotationPlan plan;
    plan.now = true;
    plan.overlap = 60s;
    return plan;
}

const claw::FamilyKeys& family_of(const SoftwareAppliance& on) {
    static std::shared_ptr<const service::Families> families;
    families = on.lifecycle->families();
    return families->at(kFamily);
}

KeyState state_of(const SoftwareAppliance& on, std::uint32_t version) {
    return family_of(on).version(version)->state;
}

/// A receipt's kid, when one can be had.
Result<std::string> signing_kid(SoftwareAppliance& on) {
    TRY(const auto signer, on.keyring.signer<kFamily>());
    return signer.identity().kid;
}

/// An appliance whose steps go to a disk that can be made to hang.
struct SlowDisk {
    SoftwareAppliance on;
    tests::HeldLog log{*on.ledger};

    SlowDisk() {
        auto options = on.lifecycle_options();
        options.deadline = 1s;
        on.lifecycle = service::Lifecycle::open(log, on.keyring, on.clock, options).value();
    }
    ~SlowDisk() { on.lifecycle.reset(); }
    SlowDisk(const SlowDisk&) = delete;
    SlowDisk& operator=(const SlowDisk&) = delete;
};

}  // namespace

TEST_CASE("lifecycle: keys that were in the store before the log are taken up once", "[service]") {
    SoftwareAppliance on;
    CHECK(state_of(on, 1) == KeyState::active);
    CHECK(signing_kid(on).value() == crypto::kid(on.key()));
    on.backend.generate({kFamily, 2}, crypto::Algorithm::ed25519).value();
    on.lifecycle->tick();
    CHECK(family_of(on).versions.size() == 1);
    CHECK(signing_kid(on).value() == crypto::kid(on.key()));
}

TEST_CASE("lifecycle: a rotation is published first, signs at its hour, and retires the old key",
          "[service]") {
    SoftwareAppliance on;
    service::RotationPlan plan;
    plan.activate_in = 3600s;
    plan.overlap = 600s;
    const auto made = on.lifecycle->rotate(kDoing, kFamily, plan).value();
    CHECK(made.state == KeyState::pending);
    CHECK(made.version == 2);
    CHECK(signing_kid(on).value() == crypto::kid(on.key()));
    CHECK(on.lifecycle->rotate(kDoing, kFamily, plan).error().code == ErrorCode::rotation_pending);

    on.clock.advance(3599s);
    on.lifecycle->tick();
    CHECK(state_of(on, 2) == KeyState::pending);
    on.clock.advance(1s);
    on.lifecycle->tick();
    CHECK(state_of(on, 1) == KeyState::verify_only);
    CHECK(state_of(on, 2) == KeyState::active);
    CHECK(signing_kid(on).value() == crypto::kid(made.public_key));
    on.clock.advance(601s);
    on.lifecycle->tick();
    CHECK(state_of(on, 1) == KeyState::retired);
}

TEST_CASE("lifecycle: the state is the log's, and a new start finds it", "[service]") {
    SoftwareAppliance on;
    REQUIRE(on.lifecycle->rotate(kDoing, kFamily, at_once()).ok());
    REQUIRE(on.lifecycle->freeze(kDoing, Family::cst).ok());
    on.lifecycle.reset();
    auto again = service::Lifecycle::open(*on.ledger, on.keyring, on.clock, {}).value();
    CHECK(again->families()->at(kFamily).active()->version == 2);
    CHECK(again->families()->at(Family::cst).frozen);
    CHECK(on.keyring.active(Family::cst).error().code == ErrorCode::key_frozen);
}

TEST_CASE("lifecycle: what was signed with a key that stopped signing meanwhile is not recorded",
          "[service]") {
    SoftwareAppliance on;
    auto request = claw::parse_receipt_request(tests::kGoodReceipt, false).value();
    auto early = service::sign_receipt(on.appliance, tests::kCaller, request);
    REQUIRE(early.ok());
    REQUIRE(on.lifecycle->rotate(kDoing, kFamily, at_once()).ok());
    CHECK(tests::recorded(on, std::move(early)).error().code == ErrorCode::key_not_active);
    CHECK(tests::recorded(on, service::sign_receipt(on.appliance, tests::kCaller, request)).ok());
}

TEST_CASE("lifecycle: a frozen family signs nothing until it is unfrozen", "[service]") {
    SoftwareAppliance on;
    REQUIRE(on.lifecycle->freeze(kDoing, kFamily).ok());
    CHECK(on.lifecycle->freeze(kDoing, kFamily).error().code == ErrorCode::illegal_transition);
    CHECK(signing_kid(on).error().code == ErrorCode::key_frozen);
    REQUIRE(on.lifecycle->rotate(kDoing, kFamily, at_once()).ok());
    CHECK(signing_kid(on).error().code == ErrorCode::key_frozen);
    REQUIRE(on.lifecycle->unfreeze(kDoing, kFamily).ok());
    CHECK(signing_kid(on).value() == crypto::kid(family_of(on).version(2)->public_key));
}

TEST_CASE("lifecycle: a compromised key stops signing, and only a rotation recovers", "[service]") {
    SoftwareAppliance on;
    service::RotationPlan plan;
    plan.activate_in = 1s;
    REQUIRE(on.lifecycle->rotate(kDoing, kFamily, plan).ok());
    REQUIRE(on.lifecycle->compromise(kDoing, {kFamily, 1}, std::nullopt, 3).ok());
    CHECK(family_of(on).version(1)->compromised_leaf == 3U);
    CHECK(signing_kid(on).error().code == ErrorCode::key_missing);
    CHECK(on.lifecycle->needs_recovery(kFamily));
    on.clock.advance(10s);
    on.lifecycle->tick();
    CHECK(state_of(on, 2) == KeyState::pending);
    CHECK(on.lifecycle->rotate(kDoing, kFamily, at_once()).error().code ==
          ErrorCode::approval_required);
    service::Doing approved = kDoing;
    approved.request = "a request";
    REQUIRE(on.lifecycle->rotate(approved, kFamily, at_once()).ok());
    CHECK_FALSE(on.lifecycle->needs_recovery(kFamily));
    CHECK(signing_kid(on).ok());
    CHECK(on.lifecycle->compromise(kDoing, {kFamily, 2}, on.clock.now() + 1s, std::nullopt)
              .error()
              .field == "since");
}

TEST_CASE("lifecycle: a retired key is destroyed and proven gone; one that signs is not",
          "[service]") {
    SoftwareAppliance on;
    CHECK(on.lifecycle->destroy(kDoing, {kFamily, 1}).error().code ==
          ErrorCode::illegal_transition);
    CHECK(on.lifecycle->destroy(kDoing, {kFamily, 9}).error().code == ErrorCode::not_found);
    REQUIRE(on.lifecycle->rotate(kDoing, kFamily, at_once()).ok());
    REQUIRE(on.lifecycle->retire(kDoing, {kFamily, 1}).ok());
    const auto destroyed = on.lifecycle->destroy(kDoing, {kFamily, 1}).value();
    CHECK(destroyed.state == KeyState::destroyed);
    CHECK(destroyed.proof == "gone");
    CHECK(std::ranges::none_of(on.backend.keys()->keys, [&](const hsm::StoredKey& key) {
        return key.name == hsm::KeyName{kFamily, 1};
    }));
}

TEST_CASE("lifecycle: a key whose store lost it is named, and its family does not sign",
          "[service]") {
    SoftwareAppliance on;
    REQUIRE(on.lifecycle->rotate(kDoing, kFamily, at_once()).ok());
    const auto id = hsm::KeyId::parse(*family_of(on).version(1)->id).value();
    REQUIRE(on.backend.destroy(id).ok());
    on.lifecycle->tick();
    const auto findings = on.lifecycle->findings();
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].key == hsm::KeyName{kFamily, 1});
    CHECK(findings[0].why.code == ErrorCode::key_missing);
    CHECK(signing_kid(on).error().code == ErrorCode::key_missing);
    CHECK(on.keyring.active(Family::cst).ok());
}

TEST_CASE("lifecycle: a key whose making was never recorded is taken back", "[service]") {
    SoftwareAppliance on;
    // Its own thread may look in between, and takes back what is there by then.
    on.backend.generate({kFamily, 2}, crypto::Algorithm::ed25519).value();
    service::Doing making;
    making.rows[service::making_row_name(kFamily)] = "2";
    REQUIRE(on.lifecycle->act(making, "keys.make", "gateway_receipt/2").ok());
    on.lifecycle->tick();
    CHECK(on.backend.keys()->keys.size() == on.families.size());
    CHECK_FALSE(on.ledger->setting(service::making_row_name(kFamily)).has_value());
    CHECK(on.lifecycle->rotate(kDoing, kFamily, at_once())->version == 2);
}

TEST_CASE("lifecycle: a key whose record is late is not taken back", "[service]") {
    SlowDisk disk;
    auto& [on, slow] = disk;
    slow.hold_after(1);  // what says that a key is being made goes through
    CHECK(on.lifecycle->rotate(kDoing, kFamily, at_once()).error().code ==
          ErrorCode::ledger_blocked);
    on.lifecycle->tick();
    CHECK(on.lifecycle->freeze(kDoing, kFamily).error().code == ErrorCode::ledger_blocked);
    CHECK(on.backend.keys()->keys.size() == on.families.size() + 1);
    slow.let_go_on();
    on.lifecycle->tick();
    CHECK(state_of(on, 2) == KeyState::active);
    CHECK(on.backend.keys()->keys.size() == on.families.size() + 1);
    CHECK(signing_kid(on).ok());
}

TEST_CASE("lifecycle: what is changed while an earlier change is late does not undo it",
          "[service]") {
    SlowDisk disk;
    auto& [on, slow] = disk;
    service::Policies policies(slow, *on.lifecycle, on.keyring, on.clock, {});
    slow.hold_after(0);
    CHECK(policies.narrow_trust(kDoing, "claims_mode", "false").error().code ==
          ErrorCode::ledger_blocked);
    CHECK(policies.narrow_trust(kDoing, "allow_unpinned", "false").error().code ==
          ErrorCode::ledger_blocked);
    slow.let_go_on();
    CHECK(policies.narrow_trust(kDoing, "allow_unpinned", "false").value());
    CHECK_FALSE(policies.snapshot()->trust.claims_mode);
    CHECK_FALSE(policies.snapshot()->trust.allow_unpinned);
}

TEST_CASE("lifecycle: a destruction that was begun is finished", "[service]") {
    SoftwareAppliance on;
    REQUIRE(on.lifecycle->rotate(kDoing, kFamily, at_once()).ok());
    REQUIRE(on.lifecycle->retire(kDoing, {kFamily, 1}).ok());
    service::Doing ending;
    ending.rows[service::ending_row_name(kFamily, 1)] = "yes";
    REQUIRE(on.lifecycle->act(ending, "keys.destroy", "gateway_receipt/1").ok());
    on.lifecycle->tick();
    CHECK(state_of(on, 1) == KeyState::destroyed);
    CHECK(on.backend.keys()->keys.size() == on.families.size());
}

TEST_CASE("lifecycle: a key that was destroyed before the record of it is proven gone all the same",
          "[service]") {
    SlowDisk disk;
    auto& [on, slow] = disk;
    REQUIRE(on.lifecycle->rotate(kDoing, kFamily, at_once()).ok());
    REQUIRE(on.lifecycle->retire(kDoing, {kFamily, 1}).ok());
    slow.hold_after(1);
    CHECK(on.lifecycle->destroy(kDoing, {kFamily, 1}).error().code == ErrorCode::ledger_blocked);
    CHECK(on.backend.keys()->keys.size() == on.families.size());
    slow.drop();
    on.lifecycle->tick();
    CHECK(state_of(on, 1) == KeyState::destroyed);
    CHECK(family_of(on).version(1)->proof == "gone");
}

TEST_CASE("lifecycle: who destroyed a key, and why, stands in the leaf that finishes it, too",
          "[service]") {
    SoftwareAppliance on;
    REQUIRE(on.lifecycle->rotate(kDoing, kFamily, at_once()).ok());
    REQUIRE(on.lifecycle->retire(kDoing, {kFamily, 1}).ok());
    const service::Intent approved{{kAdmin, "it is old", "a-request", {}}};
    service::Doing ending;
    ending.rows[service::ending_row_name(kFamily, 1)] = service::intent_text(approved);
    REQUIRE(on.lifecycle->act(ending, "keys.destroy", "gateway_receipt/1").ok());
    on.lifecycle->tick();
    REQUIRE(on.acts.back().act == "keys.destroyed");
    CHECK(on.acts.back().caller == kAdmin);
    CHECK(on.acts.back().why == "it is old");
    CHECK(on.acts.back().request == "a-request");
}

TEST_CASE("lifecycle: an intent says again what it was made of, and any other text says nothing",
          "[service]") {
    const service::Intent whole{{kAdmin, "wh\ny", "r", {}}, true};
    CHECK(service::intent_text(whole) ==
          R"({"caller":{"role":"admin","uid":0},"held":true,"request":"r","v":1,"why":"wh\ny"})");
    const auto read = service::intent_in(service::intent_text(whole));
    CHECK(read.doing.why == whole.doing.why);
    CHECK(read.held);
    CHECK(service::intent_in(service::intent_text({})).doing.caller == std::nullopt);
    CHECK(service::intent_in("yes").doing.caller == std::nullopt);
}

TEST_CASE("lifecycle: a family's first key is made once", "[service]") {
    SoftwareAppliance on;
    CHECK(on.lifecycle->create(kDoing, kFamily, crypto::Algorithm::ed25519).error().code ==
          ErrorCode::key_exists);
}
