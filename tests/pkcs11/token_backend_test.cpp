#include "pkcs11/token_backend.h"

#include "support/softhsm.h"
#include "support/watched_backend.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using namespace std::chrono_literals;
using crypto::Algorithm;
using crypto::Family;
using hsm::BackendState;
using tests::SoftHsm;
using tests::Watched;

namespace {

const hsm::KeyName kFirst{Family::gateway_receipt, 1};

Deadline soon() {
    return base::deadline_in(5s);
}

}  // namespace

TEST_CASE("token backend: opens by itself and signs", "[pkcs11]") {
    const SoftHsm hsm;
    Watched backend(hsm.settings());
    backend.next(BackendState::ready);
    CHECK(backend->status().state == BackendState::ready);
    const auto key = backend->generate(kFirst, Algorithm::ed25519).value();
    CHECK(backend->keys()->keys.size() == 1);
    CHECK(key.public_key.verifies(base::as_bytes("m"),
                                  backend->sign(key.id, base::as_bytes("m"), soon()).value()));
}

TEST_CASE("token backend: without a token it is absent, says why, and recovers when one comes",
          "[pkcs11]") {
    const SoftHsm hsm;
    hsm.unplug();
    Watched backend(hsm.settings());
    const auto absent = backend.next(BackendState::absent);
    CHECK_FALSE(absent.why->call.empty());
    CHECK(backend->sign(hsm::KeyId::random().value(), base::as_bytes("m"), soon()).error().code ==
          ErrorCode::hsm_down);
    CHECK(backend->generate(kFirst, Algorithm::ed25519).error().code == ErrorCode::hsm_down);

    hsm.replug();
    backend.next(BackendState::ready);
    CHECK(backend->generate(kFirst, Algorithm::p256).ok());
}

TEST_CASE("token backend: a slot without the token it looks for is absent", "[pkcs11]") {
    const SoftHsm hsm(SoftHsm::no_token);
    Watched backend(hsm.settings());
    CHECK(backend.next(BackendState::absent).why->message ==
          "no token that is present matches the URI; there is none");
}

TEST_CASE("token backend: a token somebody is still making is left alone until it has a PIN",
          "[pkcs11]") {
    const SoftHsm hsm(SoftHsm::no_token);
    const std::string half_made = "pkcs11-tool --module " + SoftHsm::module().string() +
                                  " --init-token --slot 0 --label test --so-pin so-12345";
    REQUIRE(std::system((half_made + " >/dev/null 2>&1").c_str()) == 0);
    Watched backend(hsm.settings());
    CHECK(backend.next(BackendState::absent).why->message == "the token has no user PIN yet");
}

TEST_CASE("token backend: a token pulled out is noticed by the next signature and comes back whole",
          "[pkcs11]") {
    const SoftHsm hsm;
    Watched backend(hsm.settings());
    backend.next(BackendState::ready);
    const auto key = backend->generate(kFirst, Algorithm::ed25519).value();

    hsm.unplug();
    const auto lost = backend->sign(key.id, base::as_bytes("m"), soon());
    REQUIRE_FALSE(lost.ok());
    CHECK(lost.error().code == ErrorCode::hsm_down);
    CHECK(backend.next(BackendState::suspect).why->call == lost.error().call);
    backend.next(BackendState::absent);
    CHECK(backend->keys()->keys.size() == 1);  // what it knew, for those who only verify

    hsm.replug();
    backend.next(BackendState::ready);
    CHECK(key.public_key.verifies(base::as_bytes("m"),
                                  backend->sign(key.id, base::as_bytes("m"), soon()).value()));
}

TEST_CASE("token backend: a distrusted key is proven again before the token serves", "[pkcs11]") {
    const SoftHsm hsm;
    Watched backend(hsm.settings());
    backend.next(BackendState::ready);
    const auto key = backend->generate(kFirst, Algorithm::ed25519).value();
    backend->distrust(key.id);
    CHECK_THAT(backend.next(BackendState::suspect).why->message, Catch::Contains(key.id.text()));
    backend.next(BackendState::ready);
    CHECK(backend->sign(key.id, base::as_bytes("m"), soon()).ok());
}

TEST_CASE("token backend: a refused PIN is tried once and then held", "[pkcs11]") {
    const SoftHsm hsm;
    hsm.set_pin_file("4321");
    Watched backend(hsm.settings());
    CHECK(backend.next(BackendState::held).why->message ==
          "C_Login: CKR_PIN_INCORRECT; correct the PIN, then restart the daemon");
    hsm.set_pin_file("1234");
    backend->distrust(hsm::KeyId::random().value());  // nothing but a person gets it out of there
    CHECK(backend->status().state == BackendState::held);
    CHECK(backend->sign(hsm::KeyId::random().value(), base::as_bytes("m"), soon()).error().code ==
          ErrorCode::pin_held);
}
