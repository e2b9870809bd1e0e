#include "pkcs11/inline_token.h"
#include "pkcs11/token_backend.h"
#include "support/softhsm_objects.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace clawsigner;
using namespace std::chrono_literals;
using crypto::Algorithm;
using crypto::Family;
using hsm::BackendState;
using pkcs11::InlineToken;
using tests::SoftHsm;
using tests::SoftHsmObjects;
using Half = SoftHsmObjects::Half;

namespace {

const hsm::KeyName kFirst{Family::gateway_receipt, 1};
const std::string kLabel = "clawsigner/gateway_receipt/1";
const Bytes kId{1, 2, 3, 4, 5, 6, 7, 8};

struct OpenGate : pkcs11::LoginGate {
    Status may_log_in() override { return Status::done(); }
    void login_answered(const Status&) override {}
};

std::unique_ptr<InlineToken> open_token(const SoftHsm& hsm) {
    OpenGate gate;
    return InlineToken::open(hsm.settings(), gate).value();
}

}  // namespace

TEST_CASE("discard: what is left of a key is listed with its reason and goes, and the name is free",
          "[pkcs11]") {
    const auto [keep, id, handle, reason] = GENERATE(table<Half, Bytes, std::string, std::string>({
        {Half::private_half, kId, "0102030405060708", "its public half is missing"},
        {Half::public_half, kId, "0102030405060708", "its private half is missing"},
        {Half::both, {7}, "07", "a key id has 8 bytes"},
        {Half::both, {}, kLabel, "a key id has 8 bytes"},
        {Half::private_half, {}, kLabel, "a key id has 8 bytes"},
        {Half::public_half, {}, kLabel, "its private half is missing"},
    }));
    INFO(handle << ": " << reason);
    const SoftHsm hsm;
    SoftHsmObjects(hsm).make(kLabel, id, keep);
    {
        const auto token = open_token(hsm);
        CHECK(token->keys()->keys.empty());
        REQUIRE(token->keys()->unusable.size() == 1);
        const hsm::UnusableKey listed = token->keys()->unusable.front();
        CHECK(listed.label == kLabel);
        CHECK(handle_of(listed) == handle);
        CHECK_THAT(listed.why.message, Catch::Contains(reason));
        REQUIRE(token->discard(handle).ok());
        CHECK(token->keys()->unusable.empty());
        CHECK(token->discard(handle).error().code == ErrorCode::invalid_field);
        CHECK(token->generate(kFirst, Algorithm::p256).ok());
    }
    CHECK(SoftHsmObjects(hsm).count() == 2);
}

TEST_CASE("discard: a key that was never finished does not keep the token shut, and goes",
          "[pkcs11]") {
    const bool others = GENERATE(false, true);
    const SoftHsm hsm;
    SoftHsmObjects(hsm).make(kLabel, kId, Half::both);
    SoftHsmObjects::lose_private_values(hsm);
    const hsm::KeyName other{Family::cst, 1};
    if (others) {
        REQUIRE(open_token(hsm)->generate(other, Algorithm::ed25519).ok());
    }
    auto token = open_token(hsm);
    CHECK(token->keys()->keys.size() == (others ? 1 : 0));
    REQUIRE(token->keys()->unusable.size() == 1);
    const hsm::UnusableKey listed = token->keys()->unusable.front();
    CHECK(listed.label == kLabel);
    CHECK(listed.why.code == ErrorCode::key_quarantined);
    CHECK(listed.why.message == "the token does not sign with this key, but does with a new one");
    CHECK(listed.why.call == "C_Sign");
    CHECK(listed.why.native == CKR_GENERAL_ERROR);
    REQUIRE(token->discard(handle_of(listed)).ok());
    CHECK(token->keys()->unusable.empty());
    CHECK(token->generate(kFirst, Algorithm::p256).ok());
    token.reset();
    CHECK(SoftHsmObjects(hsm).count() == (others ? 4 : 2));
}

TEST_CASE("discard: a key that can sign stays", "[pkcs11]") {
    const SoftHsm hsm;
    const auto token = open_token(hsm);
    const auto key = token->generate(kFirst, Algorithm::ed25519).value();
    CHECK(token->discard(key.id.text()).error().code == ErrorCode::key_in_use);
    CHECK(token->discard(kLabel).error().code == ErrorCode::invalid_field);
    CHECK(token->discard("").error().code == ErrorCode::invalid_field);
    CHECK(token->sign(key.id, base::as_bytes("m"), base::deadline_in(5s)).ok());
}

TEST_CASE("discard: what is not ours stays, whatever its id", "[pkcs11]") {
    const SoftHsm hsm;
    {
        SoftHsmObjects objects(hsm);
        objects.make("somebody else's", kId, Half::both);
        objects.make("somebody else's", {}, Half::both);
        objects.make(kLabel, kId, Half::private_half);
        objects.make("clawsigner/cst/1", {}, Half::public_half);
    }
    {
        const auto token = open_token(hsm);
        CHECK(token->keys()->unusable.size() == 2);
        CHECK(token->discard("0102030405060708").ok());
        CHECK(token->discard("clawsigner/cst/1").ok());
        CHECK(token->keys()->unusable.empty());
    }
    CHECK(SoftHsmObjects(hsm).count() == 4);
}

TEST_CASE("discard: of two keys of one name, the one that is left can sign", "[pkcs11]") {
    const SoftHsm hsm;
    const Bytes other{8, 7, 6, 5, 4, 3, 2, 1};
    {
        SoftHsmObjects objects(hsm);
        objects.make(kLabel, kId, Half::both);
        objects.make(kLabel, other, Half::both);
    }
    const auto token = open_token(hsm);
    CHECK(token->keys()->unusable.size() == 2);
    REQUIRE(token->discard("0807060504030201").ok());
    CHECK(token->keys()->unusable.empty());
    REQUIRE(token->keys()->keys.size() == 1);
    CHECK(token->keys()->keys.front().id.text() == "0102030405060708");
}

TEST_CASE("discard: a backend lets another key have the name of one that was given up",
          "[pkcs11]") {
    const SoftHsm hsm;
    const base::SystemClock clock;
    std::mutex mutex;
    std::condition_variable changed;
    BackendState state{};
    const auto note = [&](const hsm::BackendStatus& status) {
        {
            const std::lock_guard lock(mutex);
            state = status.state;
        }
        changed.notify_all();
    };
    SoftHsmObjects(hsm).make(kLabel, kId, Half::both);
    pkcs11::TokenBackend backend(hsm.settings(), {20ms, 20ms, note, hsm.dir() / "memory"}, clock);
    const auto wait_for = [&](BackendState wanted) {
        std::unique_lock lock(mutex);
        REQUIRE(changed.wait_for(lock, 10s, [&] { return state == wanted; }));
    };
    wait_for(BackendState::ready);
    REQUIRE(backend.keys()->keys.size() == 1);
    const hsm::KeyId id = backend.keys()->keys.front().id;
    REQUIRE(std::system(("pkcs11-tool --module " + SoftHsm::module().string() +
                         " --login --pin 1234 --token-label test --delete-object --type pubkey"
                         " --id 0102030405060708 >/dev/null 2>&1")
                            .c_str()) == 0);
    backend.distrust(id);  // it looks again
    wait_for(BackendState::ready);
    REQUIRE(backend.keys()->unusable.size() == 1);
    REQUIRE(backend.discard("0102030405060708").ok());
    CHECK(backend.keys()->unusable.empty());
    CHECK(backend.generate(kFirst, Algorithm::p256).ok());
    CHECK(backend.keys()->keys.size() == 1);
    CHECK(backend.keys()->unusable.empty());

    hsm.unplug();
    backend.distrust(id);
    wait_for(BackendState::absent);
    CHECK(backend.discard("0102030405060708").error().code == ErrorCode::hsm_down);
}
