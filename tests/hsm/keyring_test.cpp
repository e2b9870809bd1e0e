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

void assign(hsm::Keyring& keyring, const hsm::StoredKey& key) {
    keyring.assign(key.name.family, {{{key.id, key.public_key}}, {}, {}});
}

}  // namespace

TEST_CASE("keyring: signs with the key that is assigned, verifiably", "[hsm]") {
    SoftwareBackend backend;
    auto keyring = keyring_on(backend);
    const auto older = backend.generate({Family::gateway_receipt, 1}, Algorithm::ed25519).value();
    const auto newer = backend.generate({Family::gateway_receipt, 2}, Algorithm::p256).value();
    for (const auto& key : {older, newer, older}) {
        assign(keyring, key);
        const auto signer = keyring.signer<Family::gateway_receipt>().value();
        CHECK(signer.identity().key == key.public_key);
        CHECK(signer.identity().key.verifies(base::as_bytes(kHash),
                                             signer.sign(input(), soon()).value()));
    }
}

TEST_CASE("keyring: says why a family does not sign", "[hsm]") {
    SoftwareBackend backend;
    auto keyring = keyring_on(backend);
    CHECK(keyring.active(Family::gateway_receipt).error().code == ErrorCode::key_missing);
    keyring.assign(Family::gateway_receipt,
                   {std::nullopt, Error(ErrorCode::key_frozen, "it is frozen"), {}});
    CHECK(keyring.active(Family::gateway_receipt).error().code == ErrorCode::key_frozen);
    CHECK(keyring.active(Family::cst).error().code == ErrorCode::key_missing);
}

TEST_CASE("keyring: a store that never was ready is down, not empty", "[hsm]") {
    SoftwareBackend backend;
    const auto keyring = keyring_on(backend);
    backend.set_state(hsm::BackendState::absent);
    CHECK(keyring.active(Family::gateway_receipt).error().code == ErrorCode::hsm_down);
    backend.set_state(hsm::BackendState::held);
    CHECK(keyring.active(Family::gateway_receipt).error().code == ErrorCode::pin_held);
}

TEST_CASE("keyring: a key that went, or is another now, does not sign", "[hsm]") {
    SoftwareBackend backend;
    auto keyring = keyring_on(backend);
    const auto key = backend.generate({Family::gateway_receipt, 1}, Algorithm::ed25519).value();
    const auto other = backend.generate({Family::gateway_receipt, 2}, Algorithm::ed25519).value();
    keyring.assign(Family::gateway_receipt, {{{key.id, other.public_key}}, {}, {}});
    CHECK(keyring.active(Family::gateway_receipt).error().code == ErrorCode::key_quarantined);
    assign(keyring, key);
    CHECK(keyring.active(Family::gateway_receipt).ok());
    REQUIRE(backend.destroy(key.id).ok());
    CHECK(keyring.active(Family::gateway_receipt).error().code == ErrorCode::key_missing);
    backend.set_unusable({key.id.text(), "clawsigner/gateway_receipt/1",
                          Error(ErrorCode::key_quarantined, "its public half is missing")});
    const auto active = keyring.active(Family::gateway_receipt);
    CHECK(active.error().code == ErrorCode::key_quarantined);
    CHECK_THAT(active.error().message, Catch::Contains("public half is missing"));
}

TEST_CASE("keyring: old keys sign beside the active one until their overlap ends", "[hsm]") {
    SoftwareBackend backend;
    hsm::Keyring keyring({{Family::checkpoint, {&backend}}}, {});
    const auto older = backend.generate({Family::checkpoint, 1}, Algorithm::ed25519).value();
    const auto newer = backend.generate({Family::checkpoint, 2}, Algorithm::ed25519).value();
    keyring.assign(Family::checkpoint,
                   {{{newer.id, newer.public_key}}, {}, {{older.id, older.public_key}}});
    const auto signers = keyring.signers<Family::checkpoint>().value();
    REQUIRE(signers.size() == 2);
    CHECK(signers[0].identity().key == newer.public_key);
    CHECK(signers[1].identity().key == older.public_key);
    REQUIRE(backend.destroy(older.id).ok());
    CHECK(keyring.signers<Family::checkpoint>()->size() == 1);
}

TEST_CASE("keyring: a checkpoint key is Ed25519, whoever asks for what", "[hsm]") {
    SoftwareBackend backend;
    hsm::Keyring keyring({{Family::checkpoint, {&backend, Algorithm::ed25519}}}, {});
    CHECK(keyring.generate({Family::checkpoint, 1}, Algorithm::p256).error().field == "algorithm");
    CHECK(backend.keys()->keys.empty());
    CHECK(keyring.generate({Family::checkpoint, 1}, Algorithm::ed25519).ok());
}

TEST_CASE("keyring: a signature that does not verify is not handed out, and its key is distrusted",
          "[hsm]") {
    SoftwareBackend backend;
    auto keyring = keyring_on(backend);
    const auto key = backend.generate({Family::gateway_receipt, 1}, Algorithm::ed25519).value();
    assign(keyring, key);
    backend.corrupt_signatures(true);
    const auto signer = keyring.signer<Family::gateway_receipt>().value();
    CHECK(signer.sign(input(), soon()).error().code == ErrorCode::key_quarantined);
    CHECK(keyring.active(Family::gateway_receipt).value()->probe(soon()).error().code ==
          ErrorCode::key_quarantined);
    CHECK(backend.distrusted() == std::vector{key.id, key.id});
}

TEST_CASE("keyring: sampling checks one signature in n, and every probe", "[hsm]") {
    SoftwareBackend backend;
    auto keyring = keyring_on(backend, {4});
    assign(keyring, backend.generate({Family::gateway_receipt, 1}, Algorithm::ed25519).value());
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
    auto keyring = keyring_on(backend, {1'000});
    assign(keyring, backend.generate({Family::gateway_receipt, 1}, Algorithm::ed25519).value());
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
