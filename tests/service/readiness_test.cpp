#include "service/readiness.h"

#include "service/keys.h"
#include "service/status.h"
#include "support/comes_true.h"
#include "support/software_appliance.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using crypto::Family;
using tests::SoftwareAppliance;

namespace {

/// The readiness of every family, once the prober has said what it is going to say.
service::Readiness awaited(SoftwareAppliance& on, bool ready) {
    (void)tests::comes_true([&] {
        on.prober.wake();
        return service::readiness(on.appliance).ready() == ready;
    });
    return service::readiness(on.appliance);
}

}  // namespace

TEST_CASE("readiness: a family whose probe was signed and verified is ready", "[service]") {
    SoftwareAppliance on;
    CHECK(awaited(on, true).ready());
    CHECK(on.prober.record(Family::gateway_receipt).succeeded_at == on.clock.now());
}

TEST_CASE("readiness: a store that is down, and one whose signatures are wrong, are reasons",
          "[service]") {
    SoftwareAppliance on;
    CHECK(awaited(on, true).ready());
    on.backend.set_state(hsm::BackendState::absent);
    // At once, whatever the last probe said.
    CHECK(service::readiness(on.appliance, Family::gateway_receipt).reasons.front().code ==
          ErrorCode::hsm_down);
    on.backend.set_state(hsm::BackendState::ready);
    CHECK(awaited(on, true).ready());
    on.backend.corrupt_signatures(true);
    CHECK(awaited(on, false).reasons.front().code == ErrorCode::key_quarantined);
    on.backend.corrupt_signatures(false);
    CHECK(awaited(on, true).ready());
}

TEST_CASE("status: tells of every store and family", "[service]") {
    SoftwareAppliance on;
    awaited(on, true);
    const auto report = service::status(on.appliance);
    CHECK(report.ready());
    REQUIRE(report.families.size() == 4);
    CHECK(report.families[0].backend == "memory");
    CHECK(report.families[0].key->key == on.key());
    REQUIRE(report.backends.size() == 1);
    CHECK(report.backends[0].status.state == hsm::BackendState::ready);
}

TEST_CASE("keys: the signing one is marked, and a second first key is refused", "[service]") {
    SoftwareAppliance on;
    const auto list = service::list_keys(on.appliance).value();
    REQUIRE(list.keys.size() == 4);
    CHECK(list.keys[0].signing);
    CHECK(list.keys[0].backend == "memory");
    on.backend.set_state(hsm::BackendState::absent);
    CHECK(service::list_keys(on.appliance).value().keys.size() == 4);  // what it knew
    on.backend.set_state(hsm::BackendState::ready);
    CHECK(service::create_key(on.appliance, {tests::kCaller, {}, {}, {}}, Family::gateway_receipt,
                              std::nullopt)
              .error()
              .code == ErrorCode::key_exists);
}
