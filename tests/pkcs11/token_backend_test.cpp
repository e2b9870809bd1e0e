#include "pkcs11/token_backend.h"

#include "support/fault_module.h"
#include "support/softhsm.h"
#include "support/softhsm_objects.h"
#include "support/watched_backend.h"

#include <catch2/catch.hpp>
#include <p11-kit/pkcs11.h>

#include <dlfcn.h>

using namespace clawsigner;
using namespace std::chrono_literals;
using crypto::Algorithm;
using crypto::Family;
using hsm::BackendState;
using tests::SoftHsm;
using tests::SoftHsmObjects;
using tests::Watched;

namespace {

const hsm::KeyName kFirst{Family::gateway_receipt, 1};

Deadline soon() {
    return base::deadline_in(5s);
}

/// The backend's own Cryptoki: what is done to its sessions here, it finds done.
CK_FUNCTION_LIST& cryptoki() {
    void* module = ::dlopen(SoftHsm::module().c_str(), RTLD_NOW | RTLD_NOLOAD);
    REQUIRE(module != nullptr);
    auto* get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(module, "C_GetFunctionList"));
    CK_FUNCTION_LIST* functions = nullptr;
    REQUIRE(get(&functions) == CKR_OK);
    ::dlclose(module);
    return *functions;
}

/// In the order they were opened.
std::vector<CK_SESSION_HANDLE> open_sessions() {
    std::vector<CK_SESSION_HANDLE> sessions;
    CK_SESSION_INFO info{};
    for (CK_SESSION_HANDLE handle = 1; handle < 1000; ++handle) {
        if (cryptoki().C_GetSessionInfo(handle, &info) == CKR_OK) {
            sessions.push_back(handle);
        }
    }
    return sessions;
}

}  // namespace

TEST_CASE("token backend: opens by itself and signs", "[pkcs11]") {
    const SoftHsm hsm;
    Watched backend(hsm);
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
    Watched backend(hsm);
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
    Watched backend(hsm);
    CHECK(backend.next(BackendState::absent).why->message ==
          "no token that is present matches the URI; there is none");
}

TEST_CASE("token backend: a token somebody is still making is left alone until it has a PIN",
          "[pkcs11]") {
    const SoftHsm hsm(SoftHsm::no_token);
    const std::string half_made = "pkcs11-tool --module " + SoftHsm::module().string() +
                                  " --init-token --slot 0 --label test --so-pin so-12345";
    REQUIRE(std::system((half_made + " >/dev/null 2>&1").c_str()) == 0);
    Watched backend(hsm);
    CHECK(backend.next(BackendState::absent).why->message == "the token has no user PIN yet");
}

TEST_CASE("token backend: a token pulled out is noticed by the next signature and comes back whole",
          "[pkcs11]") {
    const SoftHsm hsm;
    Watched backend(hsm);
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
    Watched backend(hsm);
    backend.next(BackendState::ready);
    const auto key = backend->generate(kFirst, Algorithm::ed25519).value();
    backend->distrust(key.id);
    CHECK_THAT(backend.next(BackendState::suspect).why->message, Catch::Contains(key.id.text()));
    backend.next(BackendState::ready);
    CHECK(backend->sign(key.id, base::as_bytes("m"), soon()).ok());
}

TEST_CASE(
    "token backend: a key that has signed and fails alone keeps the token shut until it signs",
    "[pkcs11]") {
    const SoftHsm hsm;
    const auto whole = hsm.dir() / "whole";
    Watched backend(hsm);
    backend.next(BackendState::ready);
    const auto key = backend->generate(kFirst, Algorithm::ed25519).value();
    std::filesystem::copy(hsm.tokens(), whole, std::filesystem::copy_options::recursive);

    SoftHsmObjects::lose_private_values(hsm);  // to be read at the next opening
    backend->distrust(key.id);
    CHECK_THAT(backend.next(BackendState::absent).why->message,
               Catch::Contains("does not sign with this key"));
    CHECK(backend->sign(key.id, base::as_bytes("m"), soon()).error().code == ErrorCode::hsm_down);

    hsm.unplug();
    std::filesystem::rename(whole, hsm.tokens());
    backend.next(BackendState::ready);
    CHECK(backend->sign(key.id, base::as_bytes("m"), soon()).ok());
}

TEST_CASE("token backend: a key that has signed and fails while another is made is looked at again",
          "[pkcs11]") {
    const SoftHsm hsm;
    tests::FaultModule module;
    const auto settings = hsm.settings(tests::FaultModule::path());
    Watched backend(settings, hsm.dir() / "memory");
    backend.next(BackendState::ready);
    const auto key = backend->generate(kFirst, Algorithm::ed25519).value();
    // Of either key the signature fails, the one of a new key does not, and it fails again.
    module.script(
        "C_Sign 0 1 return CKR_GENERAL_ERROR\nC_Sign 2 2 return CKR_GENERAL_ERROR\n"
        "C_Sign 5 1 return CKR_GENERAL_ERROR");
    const auto made = backend->generate({Family::cst, 1}, Algorithm::ed25519);
    CHECK(made.error().code == ErrorCode::key_quarantined);
    CHECK_THAT(backend.next(BackendState::suspect).why->message, Catch::Contains(key.id.text()));
    backend.next(BackendState::ready);
    CHECK(backend->sign(key.id, base::as_bytes("m"), soon()).ok());
}

TEST_CASE("token backend: a refused PIN is tried once and then held", "[pkcs11]") {
    const SoftHsm hsm;
    hsm.set_pin_file("4321");
    Watched backend(hsm);
    CHECK(backend.next(BackendState::held).why->message ==
          "C_Login: CKR_PIN_INCORRECT; correct the PIN, then: clawsigner pin retry");
    hsm.set_pin_file("1234");
    backend->distrust(hsm::KeyId::random().value());  // nothing but a person gets it out of there
    CHECK(backend->status().state == BackendState::held);
    CHECK(backend->sign(hsm::KeyId::random().value(), base::as_bytes("m"), soon()).error().code ==
          ErrorCode::pin_held);
}

TEST_CASE("token backend: a wrong PIN costs one try, however often the daemon starts", "[pkcs11]") {
    const SoftHsm hsm;
    hsm.set_pin_file("4321");
    {
        Watched(hsm).next(BackendState::held);
    }
    const auto memory = hsm.dir() / "memory";
    const auto written = std::filesystem::last_write_time(memory);
    for (int i = 0; i < 20; ++i) {
        const auto held = Watched(hsm).next(BackendState::held);
        CHECK_THAT(held.why->message, Catch::Contains("the token refused the PIN on ") &&
                                          Catch::Contains("CKR_PIN_INCORRECT"));
    }
    // Every try is written down before it is made, so there was none.
    CHECK(std::filesystem::last_write_time(memory) == written);
}

TEST_CASE("token backend: a person who has corrected the PIN has it tried again", "[pkcs11]") {
    const SoftHsm hsm;
    hsm.set_pin_file("4321");
    Watched backend(hsm);
    backend.next(BackendState::held);
    CHECK(backend->retry_pin(soon()).state == BackendState::held);  // still the wrong one
    hsm.set_pin_file("1234");
    CHECK(backend->retry_pin(soon()).state == BackendState::ready);
    CHECK_FALSE(std::filesystem::exists(hsm.dir() / "memory"));
    CHECK(backend->generate(kFirst, Algorithm::ed25519).ok());
    CHECK(backend->retry_pin(soon()).state == BackendState::ready);  // nothing to do
}

TEST_CASE("token backend: a start that was killed in the midst of a login may be followed by one",
          "[pkcs11]") {
    const SoftHsm hsm;
    const base::SystemClock clock;
    pkcs11::PinMemory killed(hsm.dir() / "memory", clock);
    SECTION("by one more try") {
        REQUIRE(killed.may_log_in().ok());
        Watched(hsm).next(BackendState::ready);
        CHECK_FALSE(std::filesystem::exists(hsm.dir() / "memory"));
    }
    SECTION("by none after the second") {
        REQUIRE(killed.may_log_in().ok());
        REQUIRE(killed.may_log_in().ok());
        CHECK_THAT(Watched(hsm).next(BackendState::held).why->message,
                   Catch::StartsWith("two logins in a row had no clear answer"));
    }
}

TEST_CASE("token backend: where the try cannot be written down, none is made", "[pkcs11]") {
    const SoftHsm hsm;
    hsm.set_pin_file("4321");  // a try would hold it
    Watched backend(hsm.settings(), hsm.dir() / "state" / "memory");
    CHECK(backend.next(BackendState::absent).why->code == ErrorCode::io_failed);
    hsm.set_pin_file("1234");
    std::filesystem::create_directory(hsm.dir() / "state");
    backend.next(BackendState::ready);
}

TEST_CASE("token backend: a session that fails is replaced, and the signature made on the new one",
          "[pkcs11]") {
    const SoftHsm hsm;
    Watched backend(hsm);
    backend.next(BackendState::ready);
    const auto key =
        backend->generate(kFirst, GENERATE(Algorithm::ed25519, Algorithm::p256)).value();
    const auto sessions = open_sessions();
    REQUIRE(sessions.size() == 4);
    std::size_t left = 0;
    SECTION("it was closed under us") {
        for (const std::size_t last : {3U, 2U, 1U}) {
            REQUIRE(cryptoki().C_CloseSession(sessions[last]) == CKR_OK);
        }
        left = 2;  // the one that was left, and the new one
    }
    SECTION("an operation was left active in it") {
        CK_MECHANISM sha256{CKM_SHA256, nullptr, 0};
        for (const CK_SESSION_HANDLE session : sessions) {
            REQUIRE(cryptoki().C_DigestInit(session, &sha256) == CKR_OK);
        }
        left = 4;
    }
    for (int i = 0; i < 3; ++i) {
        const auto signature = backend->sign(key.id, base::as_bytes("m"), soon());
        REQUIRE(signature.ok());
        CHECK(key.public_key.verifies(base::as_bytes("m"), *signature));
    }
    CHECK_FALSE(backend.changed());
    CHECK(open_sessions().size() == left);
}

TEST_CASE("token backend: where a fresh session does not help, the token is opened anew",
          "[pkcs11]") {
    const SoftHsm hsm;
    auto settings = hsm.settings();
    settings.sessions = 1;
    Watched backend(settings, hsm.dir() / "memory");
    backend.next(BackendState::ready);
    const auto key = backend->generate(kFirst, Algorithm::ed25519).value();
    // With its last session a token logs out.
    REQUIRE(open_sessions().size() == 1);
    REQUIRE(cryptoki().C_CloseSession(open_sessions().front()) == CKR_OK);
    CHECK(backend->sign(key.id, base::as_bytes("m"), soon()).error().code == ErrorCode::hsm_down);
    backend.next(BackendState::suspect);
    backend.next(BackendState::ready);
    CHECK(backend->sign(key.id, base::as_bytes("m"), soon()).ok());
    CHECK(open_sessions().size() == 1);
}

TEST_CASE("token backend: past its deadline a signature is not tried again", "[pkcs11]") {
    const SoftHsm hsm;
    Watched backend(hsm);
    backend.next(BackendState::ready);
    const auto key = backend->generate(kFirst, Algorithm::ed25519).value();
    const auto sessions = open_sessions();
    REQUIRE(cryptoki().C_CloseSession(sessions.back()) == CKR_OK);
    const auto late = backend->sign(key.id, base::as_bytes("m"), std::chrono::steady_clock::now());
    CHECK(late.error().native == CKR_SESSION_HANDLE_INVALID);
    backend.next(BackendState::suspect);
    backend.next(BackendState::ready);
}
