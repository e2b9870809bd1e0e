#include "hsm/keyring.h"

#include "support/software_backend.h"

#include <catch2/catch.hpp>

#include <type_traits>

using namespace clawsigner;
using crypto::Algorithm;
using crypto::Family;
using crypto::SigningInput;
using tests::SoftwareBackend;

namespace {

const std::string kHash = "RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o";

Deadline soon() {
    return base::deadline_in(std::chrono::seconds(1));
}

SigningInput<Family::gateway_receipt> input() {
    return SigningInput<Family::gateway_receipt>::of(kHash).value();
}

hsm::Keyring keyring_on(SoftwareBackend& backend, hsm::VerifyPolicy verify = {}) {
    return hsm::Keyring({{Family::gateway_receipt, {&backend, Algorithm::ed25519}}}, verify);
}

}  // namespace

TEST_CASE("keyring: signs with the family's newest key, verifiably", "[hsm]") {
    SoftwareBackend backend;
    const auto keyring = keyring_on(backend);
    backend.generate({Family::gateway_receipt, 1}, Algorithm::ed25519).value();
    CHECK(keyring.signer<Family::gateway_receipt>()->identity().key ==
          backend.keys()->keys[0].public_key);
    const auto newer = backend.generate({Family::gateway_receipt, 2}, Algorithm::p256).value();
    const auto signer = keyring.signer<Family::gateway_receipt>().value();
    CHECK(signer.identity().key == newer.public_key);
    CHECK(signer.identity().key.verifies(base::as_bytes(kHash),
                                         signer.sign(input(), soon()).value()));
}

TEST_CASE("keyring: a family without a key says how to make one", "[hsm]") {
    SoftwareBackend backend;
    const auto keyring = keyring_on(backend);
    const auto active = keyring.active(Family::gateway_receipt);
    CHECK(active.error().code == ErrorCode::key_missing);
    CHECK_THAT(active.error().message, Catch::Contains("clawsigner keys create gateway_receipt"));
}

TEST_CASE("keyring: a store that never was ready is down, not empty", "[hsm]") {
    SoftwareBackend backend;
    const auto keyring = keyring_on(backend);
    backend.set_state(hsm::BackendState::absent);
    CHECK(keyring.active(Family::gateway_receipt).error().code == ErrorCode::hsm_down);
    backend.set_state(hsm::BackendState::held);
    CHECK(keyring.active(Family::gateway_receipt).error().code == ErrorCode::pin_held);
}

TEST_CASE("keyring: a family's first key is made once", "[hsm]") {
    SoftwareBackend backend;
    auto keyring = keyring_on(backend);
    CHECK(keyring.create(Family::gateway_receipt, Algorithm::p256)->name.version == 1);
    CHECK(keyring.create(Family::gateway_receipt, Algorithm::p256).error().code ==
          ErrorCode::key_exists);
    CHECK(backend.keys()->keys.size() == 1);
}

TEST_CASE("keyring: a checkpoint key is Ed25519, whoever asks for what", "[hsm]") {
    SoftwareBackend backend;
    hsm::Keyring keyring({{Family::checkpoint, {&backend, Algorithm::ed25519}}}, {});
    CHECK(keyring.create(Family::checkpoint, Algorithm::p256).error().field == "algorithm");
    CHECK(backend.keys()->keys.empty());
    CHECK(keyring.create(Family::checkpoint, Algorithm::ed25519).ok());
}

TEST_CASE("keyring: a signature that does not verify is not handed out, and its key is distrusted",
          "[hsm]") {
    SoftwareBackend backend;
    const auto keyring = keyring_on(backend);
    const auto key = backend.generate({Family::gateway_receipt, 1}, Algorithm::ed25519).value();
    backend.corrupt_signatures(true);
    const auto signer = keyring.signer<Family::gateway_receipt>().value();
    CHECK(signer.sign(input(), soon()).error().code == ErrorCode::key_quarantined);
    CHECK(keyring.active(Family::gateway_receipt).value()->probe(soon()).error().code ==
          ErrorCode::key_quarantined);
    CHECK(backend.distrusted() == std::vector{key.id, key.id});
}

TEST_CASE("keyring: a family whose newest key is unusable does not sign and gets no new first key",
          "[hsm]") {
    SoftwareBackend backend;
    auto keyring = keyring_on(backend);
    backend.generate({Family::gateway_receipt, 1}, Algorithm::ed25519).value();
    backend.set_unusable({"0102030405060708", "clawsigner/gateway_receipt/2",
                          Error(ErrorCode::key_quarantined, "its public half is missing")});
    const auto active = keyring.active(Family::gateway_receipt);
    CHECK(active.error().code == ErrorCode::key_quarantined);
    CHECK_THAT(active.error().message, Catch::Contains("public half is missing"));
    CHECK(keyring.create(Family::gateway_receipt, Algorithm::ed25519).error().code ==
          ErrorCode::key_exists);
}

TEST_CASE("keyring: a public half alone stops no key of its name, but an older one", "[hsm]") {
    SoftwareBackend backend;
    auto keyring = keyring_on(backend);
    const Error why(ErrorCode::key_missing, "its private half is missing");
    backend.set_unusable({"0102030405060708", "clawsigner/gateway_receipt/1", why});
    CHECK_THAT(keyring.create(Family::gateway_receipt, Algorithm::ed25519).error().message,
               Catch::Contains("clawsigner keys discard 0102030405060708"));
    backend.generate({Family::gateway_receipt, 1}, Algorithm::ed25519).value();
    CHECK(keyring.active(Family::gateway_receipt).ok());
    backend.set_unusable({"", "clawsigner/gateway_receipt/2", why});
    CHECK_THAT(keyring.active(Family::gateway_receipt).error().message,
               Catch::Contains("key clawsigner/gateway_receipt/2"));
    CHECK(backend.discard("clawsigner/gateway_receipt/2").ok());
    CHECK(keyring.active(Family::gateway_receipt).ok());
    backend.set_unusable({"0102030405060709", "clawsigner/gateway_receipt/1",
                          Error(ErrorCode::key_quarantined, "its public half is missing")});
    CHECK(keyring.active(Family::gateway_receipt).error().code == ErrorCode::key_quarantined);
}

TEST_CASE("keyring: sampling checks one signature in n, and every probe", "[hsm]") {
    SoftwareBackend backend;
    const auto keyring = keyring_on(backend, {4});
    backend.generate({Family::gateway_receipt, 1}, Algorithm::ed25519).value();
    backend.corrupt_signatures(true);
    const auto signer = keyring.signer<Family::gateway_receipt>().value();
    int refused = 0;
    for (int i = 0; i < 12; ++i) {
        refused += signer.sign(input(), soon()).ok() ? 0 : 1;
    }
    CHECK(refused == 3);
    CHECK_FALSE(keyring.active(Family::gateway_receipt).value()->probe(soon()).ok());
}

TEST_CASE("keyring: what a key says of keys is verified, whatever the policy", "[hsm]") {
    SoftwareBackend backend;
    const auto keyring = keyring_on(backend, {1'000});
    backend.generate({Family::gateway_receipt, 1}, Algorithm::ed25519).value();
    const auto input =
        crypto::SnapshotInput::of(R"({"snapshot_version":"1","generated_at":1})").value();
    const auto key = keyring.active(Family::gateway_receipt).value();
    for (int i = 0; i < 3; ++i) {
        CHECK(key->identity().key.verifies(input.bytes(), key->sign(input, soon()).value()));
    }
    backend.corrupt_signatures(true);
    CHECK(key->sign(input, soon()).error().code == ErrorCode::key_quarantined);
}

TEST_CASE("keyring: a signer takes its own family's input and no bytes", "[hsm]") {
    using Signer = hsm::Signer<Family::gateway_receipt>;
    STATIC_REQUIRE(std::is_invocable_v<decltype(&Signer::sign), Signer&,
                                       SigningInput<Family::gateway_receipt>, Deadline>);
    STATIC_REQUIRE_FALSE(std::is_invocable_v<decltype(&Signer::sign), Signer&, ByteView, Deadline>);
    STATIC_REQUIRE_FALSE(
        std::is_invocable_v<decltype(&Signer::sign), Signer&, std::string, Deadline>);
    STATIC_REQUIRE_FALSE(
        std::is_invocable_v<decltype(&Signer::sign), Signer&, crypto::ProbeInput, Deadline>);
    STATIC_REQUIRE_FALSE(
        std::is_invocable_v<decltype(&Signer::sign), Signer&, SigningInput<Family::cst>, Deadline>);
    STATIC_REQUIRE_FALSE(
        std::is_constructible_v<SigningInput<Family::gateway_receipt>, SigningInput<Family::cst>>);
}
