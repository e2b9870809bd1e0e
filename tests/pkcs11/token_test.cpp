#include "pkcs11/inline_token.h"
#include "support/fault_module.h"
#include "support/softhsm.h"

#include <catch2/catch.hpp>

#include <set>
#include <thread>

using namespace clawsigner;
using crypto::Algorithm;
using crypto::Family;
using pkcs11::InlineToken;
using tests::SoftHsm;

namespace {

Deadline soon() {
    return base::deadline_in(std::chrono::seconds(5));
}

struct OpenGate : pkcs11::LoginGate {
    Status may_log_in() override { return Status::done(); }
    void login_answered(const Status&) override {}
};

Result<std::unique_ptr<InlineToken>> open_token(const pkcs11::TokenSettings& settings) {
    OpenGate gate;
    return InlineToken::open(settings, gate);
}

const hsm::KeyName kFirst{Family::gateway_receipt, 1};
const hsm::KeyName kSecond{Family::gateway_receipt, 2};

}  // namespace

TEST_CASE("token: makes keys that stay in and signs with both algorithms", "[pkcs11]") {
    const SoftHsm hsm;
    const auto token = open_token(hsm.settings()).value();
    for (const auto& [name, algorithm] :
         {std::pair{kFirst, Algorithm::ed25519}, std::pair{kSecond, Algorithm::p256}}) {
        const auto key = token->generate(name, algorithm).value();
        CHECK(key.name == name);
        CHECK(key.public_key.algorithm() == algorithm);
        CHECK(key.attributes.sensitive);
        CHECK(key.attributes.always_sensitive);
        CHECK(key.attributes.never_extractable);
        CHECK(key.attributes.local);
        CHECK_FALSE(key.attributes.extractable);
        CHECK_FALSE(key.attributes.modifiable);
        for (const std::size_t size : {1U, 43U, 1000U, 60000U}) {
            const Bytes message(size, 0x5A);
            CHECK(key.public_key.verifies(message, token->sign(key.id, message, soon()).value()));
        }
    }
}

TEST_CASE("token: finds its keys again after it was closed", "[pkcs11]") {
    const SoftHsm hsm;
    const auto made =
        open_token(hsm.settings()).value()->generate(kFirst, Algorithm::ed25519).value();
    const auto token = open_token(hsm.settings()).value();
    const auto keys = token->keys();
    REQUIRE(keys->keys.size() == 1);
    CHECK(keys->keys[0].id == made.id);
    CHECK(keys->keys[0].public_key == made.public_key);
    CHECK(keys->unusable.empty());
    CHECK_THAT(token->description(), Catch::StartsWith("SoftHSM v2, token test, serial "));
}

TEST_CASE("token: a name is given to one key only", "[pkcs11]") {
    const SoftHsm hsm;
    const auto token = open_token(hsm.settings()).value();
    token->generate(kFirst, Algorithm::ed25519).value();
    CHECK(token->generate(kFirst, Algorithm::ed25519).error().code == ErrorCode::key_exists);
}

TEST_CASE("token: many threads sign at once, each with a session of its own", "[pkcs11]") {
    const SoftHsm hsm;
    const auto token = open_token(hsm.settings()).value();
    CHECK(token->session_count() == 4);
    const auto key = token->generate(kFirst, Algorithm::ed25519).value();
    std::atomic<int> good{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < 50; ++i) {
                const std::string message = std::to_string(t) + "/" + std::to_string(i);
                const auto signature = token->sign(key.id, base::as_bytes(message), soon());
                good +=
                    signature.ok() && key.public_key.verifies(base::as_bytes(message), *signature)
                        ? 1
                        : 0;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(good == 400);
}

TEST_CASE("token: keys that are not ours are left alone and unseen", "[pkcs11]") {
    const SoftHsm hsm;
    REQUIRE(std::system(("pkcs11-tool --module " + SoftHsm::module().string() +
                         " --login --pin 1234 --token-label test --keypairgen --key-type "
                         "EC:prime256v1 --label other"
                         " --id 01 >/dev/null 2>&1")
                            .c_str()) == 0);
    const auto token = open_token(hsm.settings()).value();
    CHECK(token->keys()->keys.empty());
    CHECK(token->keys()->unusable.empty());
}

TEST_CASE("token: a key of our label that anyone made otherwise is named and not used",
          "[pkcs11]") {
    const SoftHsm hsm;
    // An eight-byte id and our label, but without its public half.
    REQUIRE(std::system(
                ("pkcs11-tool --module " + SoftHsm::module().string() +
                 " --login --pin 1234 --token-label test --keypairgen --key-type EC:prime256v1"
                 " --label clawsigner/gateway_receipt/1 --id 0102030405060708 >/dev/null 2>&1 && "
                 "pkcs11-tool --module " +
                 SoftHsm::module().string() +
                 " --login --pin 1234 --token-label test --delete-object --type pubkey --id "
                 "0102030405060708"
                 " >/dev/null 2>&1")
                    .c_str()) == 0);
    const auto token = open_token(hsm.settings()).value();
    CHECK(token->keys()->keys.empty());
    REQUIRE(token->keys()->unusable.size() == 1);
    CHECK(token->keys()->unusable[0].id == "0102030405060708");
    CHECK_THAT(token->keys()->unusable[0].why.message, Catch::Contains("public half is missing"));
}

TEST_CASE("token: two keys of one name are both set aside", "[pkcs11]") {
    const SoftHsm hsm;
    for (const char* id : {"0102030405060708", "0102030405060709"}) {
        REQUIRE(std::system(
                    ("pkcs11-tool --module " + SoftHsm::module().string() +
                     " --login --pin 1234 --token-label test --keypairgen --key-type EC:prime256v1"
                     " --sensitive --label clawsigner/gateway_receipt/1 --id " +
                     id + " >/dev/null 2>&1")
                        .c_str()) == 0);
    }
    const auto token = open_token(hsm.settings()).value();
    CHECK(token->keys()->keys.empty());
    CHECK(token->keys()->unusable.size() == 2);
}

TEST_CASE("token: what keeps it from opening is named", "[pkcs11]") {
    const SoftHsm hsm;
    SECTION("a module that is not there") {
        auto settings = hsm.settings();
        settings.module = "/nowhere/libhsm.so";
        const auto token = open_token(settings);
        CHECK(token.error().code == ErrorCode::hsm_down);
        CHECK_THAT(token.error().message, Catch::Contains("/nowhere/libhsm.so"));
    }
    SECTION("a library that is no module") {
        auto settings = hsm.settings();
        settings.module = "libc.so.6";
        CHECK_THAT(open_token(settings).error().message, Catch::Contains("C_GetFunctionList"));
    }
    SECTION("a token that is not there") {
        auto settings = hsm.settings();
        settings.uri.token = "another";
        CHECK_THAT(open_token(settings).error().message,
                   Catch::StartsWith("no token that is present matches the URI; there is "
                                     "token=test serial="));
    }
    SECTION("a PIN that is refused") {
        hsm.set_pin_file("4321");
        const auto token = open_token(hsm.settings());
        CHECK(token.error().code == ErrorCode::pin_held);
        CHECK_THAT(token.error().message, Catch::StartsWith("C_Login: CKR_PIN_INCORRECT"));
    }
    SECTION("a PIN that is only right up to a zero byte") {
        hsm.set_pin_file(std::string_view("1234\0junk", 9));
        CHECK(open_token(hsm.settings()).error().code == ErrorCode::pin_held);
    }
    SECTION("a PIN file that others may read") {
        std::filesystem::permissions(hsm.pin_file(), std::filesystem::perms::owner_read |
                                                         std::filesystem::perms::others_read);
        CHECK(open_token(hsm.settings()).error().code == ErrorCode::config_invalid);
    }
    SECTION("a systemd credential that was not passed") {
        auto settings = hsm.settings();
        settings.pin_file.clear();
        CHECK_THAT(open_token(settings).error().message, Catch::Contains("LoadCredential="));
    }
    SECTION("two tokens of one label") {
        hsm.initialise_token();
        CHECK_THAT(open_token(hsm.settings()).error().message,
                   Catch::Contains("more than one token"));
    }
}

TEST_CASE("token: a signature that has to wait too long for a session is refused, not queued",
          "[pkcs11]") {
    const SoftHsm hsm;
    auto settings = hsm.settings();
    settings.sessions = 1;
    const auto token = open_token(settings).value();
    const auto key = token->generate(kFirst, Algorithm::ed25519).value();
    CHECK(token->session_count() == 1);
    // The only session is busy for as long as another thread signs in a loop; a deadline in the
    // past cannot wait at all.
    std::atomic<bool> stop{false};
    std::thread busy([&] {
        while (!stop) {
            token->sign(key.id, Bytes(60000), soon()).value();
        }
    });
    int refused = 0;
    for (int i = 0; i < 20000 && refused == 0; ++i) {
        const auto signature = token->sign(key.id, Bytes(1), std::chrono::steady_clock::now());
        refused += !signature.ok() && signature.error().call.empty() ? 1 : 0;
    }
    stop = true;
    busy.join();
    CHECK(refused == 1);
}

TEST_CASE("token: a last try is not spent, however late the token says that it is one",
          "[pkcs11]") {
    const SoftHsm hsm;
    tests::FaultModule module;
    const auto settings = hsm.settings(tests::FaultModule::path());
    REQUIRE(open_token(settings).ok());
    int looks = 0;  // at the token, before it says so
    for (bool said = true; said; ++looks) {
        INFO(looks);
        module.script("C_GetTokenInfo " + std::to_string(looks) +
                      " * token-flag CKF_USER_PIN_FINAL_TRY");
        const auto logins = module.counter("logins.tried");
        const auto opened = open_token(settings);
        said = module.fired() > 0;
        CHECK(opened.ok() != said);
        if (said) {
            CHECK(opened.error().code == ErrorCode::pin_held);
            CHECK(module.counter("logins.tried") == logins);
        }
    }
    CHECK(looks > 2);
}

TEST_CASE("token: a signature that fails once, or with every key, is not one key's fault",
          "[pkcs11]") {
    const SoftHsm hsm;
    const auto key =
        open_token(hsm.settings()).value()->generate(kFirst, Algorithm::ed25519).value();
    tests::FaultModule module;
    const auto settings = hsm.settings(tests::FaultModule::path());
    module.script("C_Sign 0 1 return CKR_GENERAL_ERROR");
    {
        const auto token = open_token(settings).value();
        CHECK(module.fired() == 1);
        CHECK(token->keys()->unusable.empty());
        CHECK(token->sign(key.id, base::as_bytes("m"), soon()).ok());
    }
    module.script("C_Sign 0 * return CKR_GENERAL_ERROR");
    CHECK(open_token(settings).error().code == ErrorCode::hsm_down);
}
