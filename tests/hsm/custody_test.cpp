#include "hsm/keyring.h"
#include "ledger/log.h"
#include "service/key_rows.h"
#include "service/lifecycle.h"
#include "support/fixed_clock.h"
#include "support/softhsm.h"
#include "support/swtpm.h"
#include "support/temp_dir.h"
#include "support/watched_backend.h"
#include "support/watched_tpm.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>

/// What every kind of key store must do, with a real one of each: one list for all of them.
using namespace clawsigner;
using namespace std::chrono_literals;
using claw::KeyState;
using crypto::Algorithm;
using crypto::Family;
using hsm::BackendState;

namespace {

constexpr auto kFamily = Family::gateway_receipt;
const hsm::KeyName kFirst{kFamily, 1};
const service::Doing kDoing{claw::LeafCaller{"admin", 0}, "a test", std::nullopt, {}};

struct Pkcs11 {
    static constexpr hsm::Custody kCustody = hsm::Custody::pkcs11;
    static constexpr std::string_view kProof = "gone";

    void open() { backend = std::make_unique<tests::Watched>(device); }
    void take_away() const { device.unplug(); }
    void bring_back() const { device.replug(); }

    tests::SoftHsm device;
    std::unique_ptr<tests::Watched> backend;
};

struct Tpm {
    static constexpr hsm::Custody kCustody = hsm::Custody::tpm;
    static constexpr std::string_view kProof = "erased";

    void open() { backend = std::make_unique<tests::WatchedTpm>(device.settings()); }
    void take_away() { device.kill(); }
    void bring_back() { device.start(); }

    tests::Swtpm device;
    std::unique_ptr<tests::WatchedTpm> backend;
};

/// A store that is open.
template <class Kind>
struct Opened : Kind {
    Opened() { reopen(); }
    void reopen() {
        this->backend.reset();
        this->open();
        this->backend->next(BackendState::ready);
    }
    hsm::Backend& operator*() { return **this->backend; }
    hsm::Backend* operator->() { return &**this->backend; }
};

/// A store, and the state that says which of its keys signs.
template <class Kind>
struct House {
    House() {
        ledger::Log::Options options;
        options.directory = directory.path();
        options.clock = &clock;
        ledger = ledger::Log::open(std::move(options)).value();
        keyring = std::make_unique<hsm::Keyring>(
            std::map<Family, hsm::Keyring::Home>{
                {kFamily, {&*store, Algorithm::p256, Kind::kCustody}}},
            hsm::VerifyPolicy{});
        service::Lifecycle::Options of_lifecycle;
        of_lifecycle.deadline = 20s;
        of_lifecycle.origin = "custody.test/log";
        lifecycle =
            service::Lifecycle::open(*ledger, *keyring, clock, std::move(of_lifecycle)).value();
    }

    Result<crypto::KeyIdentity> signs() {
        TRY(const auto key, keyring->active(kFamily));
        CHECK_OK(key->probe(base::deadline_in(10s)));
        return key->identity();
    }
    KeyState state_of(std::uint32_t version) {
        const auto families = lifecycle->families();
        return families->at(kFamily).version(version)->state;
    }

    tests::FixedClock clock;
    tests::TempDir directory;
    Opened<Kind> store;
    std::unique_ptr<ledger::Log> ledger;
    std::unique_ptr<hsm::Keyring> keyring;
    std::unique_ptr<service::Lifecycle> lifecycle;
};

service::RotationPlan at_once() {
    service::RotationPlan plan;
    plan.now = true;
    plan.overlap = 60s;
    return plan;
}

bool signs(hsm::Backend& backend, const hsm::StoredKey& key) {
    const auto signature = backend.sign(key.id, base::as_bytes("m"), base::deadline_in(10s));
    return signature.ok() && key.public_key.verifies(base::as_bytes("m"), *signature);
}

}  // namespace

TEMPLATE_TEST_CASE("custody: a key signs from the moment it is made, and after a new start",
                   "[custody]", Pkcs11, Tpm) {
    Opened<TestType> store;
    const auto key = store->generate(kFirst, Algorithm::p256).value();
    CHECK(key.attributes.sensitive);
    CHECK_FALSE(key.attributes.extractable);
    CHECK(signs(*store, key));
    store.reopen();
    REQUIRE(store->keys()->keys.size() == 1);
    CHECK(store->keys()->keys[0].name == kFirst);
    CHECK(store->keys()->keys[0].public_key == key.public_key);
    CHECK(signs(*store, key));
}

TEMPLATE_TEST_CASE("custody: a name is taken once", "[custody]", Pkcs11, Tpm) {
    Opened<TestType> store;
    REQUIRE(store->generate(kFirst, Algorithm::p256).ok());
    CHECK(store->generate(kFirst, Algorithm::p256).error().code == ErrorCode::key_exists);
    CHECK(store->keys()->keys.size() == 1);
}

TEMPLATE_TEST_CASE("custody: a destroyed key is gone, and its name free", "[custody]", Pkcs11,
                   Tpm) {
    Opened<TestType> store;
    const auto key = store->generate(kFirst, Algorithm::p256).value();
    REQUIRE(store->destroy(key.id).ok());
    REQUIRE(store->destroy(key.id).ok());
    CHECK(store->keys()->keys.empty());
    CHECK_FALSE(signs(*store, key));
    store.reopen();
    CHECK(store->keys()->keys.empty());
    CHECK_FALSE(store->generate(kFirst, Algorithm::p256)->public_key == key.public_key);
}

TEMPLATE_TEST_CASE("custody: a key that can sign is not discarded, nor one that is not there",
                   "[custody]", Pkcs11, Tpm) {
    Opened<TestType> store;
    const auto key = store->generate(kFirst, Algorithm::p256).value();
    CHECK(store->discard(key.id.text()).error().code == ErrorCode::key_in_use);
    CHECK(store->discard("0123456789abcdef").error().code == ErrorCode::invalid_field);
    CHECK(signs(*store, key));
}

TEMPLATE_TEST_CASE("custody: a distrusted store proves its keys before it serves", "[custody]",
                   Pkcs11, Tpm) {
    Opened<TestType> store;
    const auto key = store->generate(kFirst, Algorithm::p256).value();
    store->distrust(key.id);
    CHECK_THAT(store.backend->next(BackendState::suspect).why->message,
               Catch::Contains(key.id.text()));
    store.backend->next(BackendState::ready);
    CHECK(signs(*store, key));
}

TEMPLATE_TEST_CASE("custody: a device that goes is noticed, and used again when it comes",
                   "[custody]", Pkcs11, Tpm) {
    Opened<TestType> store;
    const auto key = store->generate(kFirst, Algorithm::p256).value();
    store.take_away();
    CHECK(store->sign(key.id, base::as_bytes("m"), base::deadline_in(10s)).error().code ==
          ErrorCode::hsm_down);
    store.backend->next(BackendState::absent);
    CHECK(store->keys()->keys.size() == 1);  // for those who only verify
    CHECK(store->generate({kFamily, 2}, Algorithm::p256).error().code == ErrorCode::hsm_down);
    store.bring_back();
    store.backend->next(BackendState::ready);
    CHECK(signs(*store, key));
}

TEMPLATE_TEST_CASE("custody: made, rotated, frozen, retired and destroyed", "[custody]", Pkcs11,
                   Tpm) {
    House<TestType> house;
    service::Lifecycle& life = *house.lifecycle;
    const auto first = life.create(kDoing, kFamily, Algorithm::p256).value();
    CHECK(house.signs()->key == first.public_key);
    const auto second = life.rotate(kDoing, kFamily, at_once()).value();
    CHECK(second.state == KeyState::active);
    CHECK(house.signs()->key == second.public_key);

    REQUIRE(life.freeze(kDoing, kFamily).ok());
    CHECK(house.signs().error().code == ErrorCode::key_frozen);
    REQUIRE(life.unfreeze(kDoing, kFamily).ok());
    CHECK(house.signs().ok());

    REQUIRE(life.retire(kDoing, {kFamily, 1}).ok());
    const auto destroyed = life.destroy(kDoing, {kFamily, 1}).value();
    CHECK(destroyed.state == KeyState::destroyed);
    CHECK(destroyed.proof == TestType::kProof);
    const auto manifest = life.manifest_text(*life.families(), house.clock.now()).value();
    CHECK_THAT(manifest, Catch::Contains("\"custody\":\"" +
                                         std::string(custody_name(TestType::kCustody)) + "\""));
    CHECK_THAT(manifest, Catch::Contains("\"assurance\":\"host-asserted\""));
    CHECK(house.signs()->key == second.public_key);
}

TEMPLATE_TEST_CASE("custody: the state outlives the store's next start", "[custody]", Pkcs11, Tpm) {
    House<TestType> house;
    const auto key = house.lifecycle->create(kDoing, kFamily, Algorithm::p256).value();
    house.store.take_away();
    REQUIRE_FALSE(house.signs().ok());
    house.store.backend->next(BackendState::absent);
    house.store.bring_back();
    house.store.backend->next(BackendState::ready);
    house.lifecycle->tick();
    CHECK(house.signs()->key == key.public_key);
    CHECK(house.state_of(1) == KeyState::active);
    CHECK(house.lifecycle->findings().empty());
}

TEMPLATE_TEST_CASE("custody: a key whose making was never recorded is taken back", "[custody]",
                   Pkcs11, Tpm) {
    House<TestType> house;
    REQUIRE(house.lifecycle->create(kDoing, kFamily, Algorithm::p256).ok());
    REQUIRE(house.store->generate({kFamily, 2}, Algorithm::p256).ok());
    service::Doing making;
    making.rows[service::making_row_name(kFamily)] = "2";
    REQUIRE(house.lifecycle->act(making, "keys.make", "gateway_receipt/2").ok());
    house.lifecycle->tick();
    CHECK(house.store->keys()->keys.size() == 1);
    CHECK(house.lifecycle->rotate(kDoing, kFamily, at_once())->version == 2);
}
