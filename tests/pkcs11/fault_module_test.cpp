#include "support/fault_module.h"

#include "support/softhsm.h"

#include <catch2/catch.hpp>
#include <p11-kit/pkcs11.h>

#include <array>
#include <chrono>
#include <csignal>
#include <dlfcn.h>
#include <map>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using clawsigner::tests::FaultModule;
using clawsigner::tests::SoftHsm;

namespace {

using Signature = std::vector<CK_BYTE>;

CK_FUNCTION_LIST& load_cryptoki() {
    void* const object = ::dlopen(FaultModule::path().c_str(), RTLD_NOW | RTLD_LOCAL);
    REQUIRE(object != nullptr);
    const auto get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(object, "C_GetFunctionList"));
    CK_FUNCTION_LIST* list = nullptr;
    REQUIRE(get(&list) == CKR_OK);
    return *list;
}

/// An application of the module: one session, logged in, with two P-256 keys.
class Application {
public:
    Application() {
        REQUIRE(p11.C_Initialize(nullptr) == CKR_OK);
        std::array<CK_SLOT_ID, 8> slots{};
        CK_ULONG count = slots.size();
        REQUIRE(p11.C_GetSlotList(CK_TRUE, slots.data(), &count) == CKR_OK);
        slot = slots.front();
        REQUIRE(open(session) == CKR_OK);
        REQUIRE(log_in("1234") == CKR_OK);
        key = make_key();
        other_key = make_key();
    }
    ~Application() {
        faults.end_faults();
        p11.C_Finalize(nullptr);
    }
    Application(const Application&) = delete;
    Application& operator=(const Application&) = delete;

    CK_RV open(CK_SESSION_HANDLE& opened) {
        return p11.C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr,
                                 &opened);
    }
    CK_RV log_in(std::string pin) {
        return p11.C_Login(session, CKU_USER, reinterpret_cast<CK_BYTE*>(pin.data()), pin.size());
    }

    CK_RV sign_init(CK_OBJECT_HANDLE with) {
        CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
        return p11.C_SignInit(session, &mechanism, with);
    }
    CK_RV sign(Signature& signature) {
        if (const CK_RV rv = sign_init(key); rv != CKR_OK) {
            return rv;
        }
        signature.resize(128);
        CK_ULONG size = signature.size();
        const CK_RV rv = p11.C_Sign(session, digest.data(), digest.size(), signature.data(), &size);
        signature.resize(size);
        return rv;
    }
    CK_RV sign() {
        Signature signature;
        return sign(signature);
    }
    bool verifies(Signature signature, CK_OBJECT_HANDLE private_key) {
        CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
        REQUIRE(p11.C_VerifyInit(session, &mechanism, public_half_.at(private_key)) == CKR_OK);
        return p11.C_Verify(session, digest.data(), digest.size(), signature.data(),
                            signature.size()) == CKR_OK;
    }

    const SoftHsm hsm;
    FaultModule faults;
    CK_FUNCTION_LIST& p11 = load_cryptoki();
    CK_SLOT_ID slot = 0;
    CK_SESSION_HANDLE session = 0;
    CK_OBJECT_HANDLE key = 0;
    CK_OBJECT_HANDLE other_key = 0;
    std::array<CK_BYTE, 32> digest{1, 2, 3};

private:
    CK_OBJECT_HANDLE make_key() {
        std::array<CK_BYTE, 10> p256{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
        CK_BBOOL yes = CK_TRUE;
        CK_MECHANISM mechanism{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
        std::array<CK_ATTRIBUTE, 2> public_half{
            {{CKA_EC_PARAMS, p256.data(), p256.size()}, {CKA_VERIFY, &yes, sizeof yes}}};
        std::array<CK_ATTRIBUTE, 1> private_half{{{CKA_SIGN, &yes, sizeof yes}}};
        CK_OBJECT_HANDLE made_public = 0;
        CK_OBJECT_HANDLE made = 0;
        REQUIRE(p11.C_GenerateKeyPair(session, &mechanism, public_half.data(), public_half.size(),
                                      private_half.data(), private_half.size(), &made_public,
                                      &made) == CKR_OK);
        public_half_[made] = made_public;
        return made;
    }

    std::map<CK_OBJECT_HANDLE, CK_OBJECT_HANDLE> public_half_;
};

}  // namespace

TEST_CASE("fault module: without a script it is the module behind it, and counts", "[pkcs11]") {
    Application app;
    Signature signature;
    CHECK(app.sign(signature) == CKR_OK);
    CHECK(app.verifies(signature, app.key));
    CHECK(app.faults.counter("calls.C_Sign") == 1);
    CHECK(app.faults.counter("calls.C_GenerateKeyPair") == 2);
    CHECK(app.faults.counter("sessions.open") == 1);
    CHECK(app.faults.counter("logins.tried") == 1);
    CHECK(app.faults.counter("pins.refused") == 0);
}

TEST_CASE("fault module: return answers in the module's place, for COUNT calls after SKIP",
          "[pkcs11]") {
    Application app;
    app.faults.script("C_Sign 1 2 return CKR_DEVICE_REMOVED");
    std::vector<CK_RV> answers;
    for (int i = 0; i < 4; ++i) {
        // The module has not heard of a refused C_Sign: its operation is still active.
        if (const CK_RV rv = app.sign(); rv == CKR_OPERATION_ACTIVE) {
            CK_ULONG size = 128;
            Signature signature(size);
            answers.push_back(app.p11.C_Sign(app.session, app.digest.data(), app.digest.size(),
                                             signature.data(), &size));
        } else {
            answers.push_back(rv);
        }
    }
    CHECK(answers == std::vector<CK_RV>{CKR_OK, CKR_DEVICE_REMOVED, CKR_DEVICE_REMOVED, CKR_OK});
    CHECK(app.faults.fired() == 2);
    CHECK(app.faults.counter("line.1.reached") == 4);
}

TEST_CASE("fault module: a star is every call, and a CK_RV may be a number", "[pkcs11]") {
    Application app;
    app.faults.script("* 0 * return 0x80000BAD");
    CK_INFO info{};
    CHECK(app.p11.C_GetInfo(&info) == 0x80000BAD);
    CHECK(app.p11.C_Finalize(nullptr) == 0x80000BAD);
    CHECK(app.sign() == 0x80000BAD);
    CHECK(app.faults.fired() == 3);
}

TEST_CASE("fault module: a script that makes no sense spoils every call and names its line",
          "[pkcs11]") {
    Application app;
    for (const auto* nonsense :
         {"C_Sing 0 1 hang", "C_Sign 0 1 frown", "C_Sign 0 1 return CKR_NONE", "C_Sign 0 1",
          "C_Sign x 1 hang", "C_Login 0 1 corrupt", "C_Sign 0 1 hang 3", "C_Sign 0 1 delay",
          "C_GetTokenInfo 0 1 token-flag CKF_RNG", "C_Sign 0 1 token-flag CKF_USER_PIN_LOCKED"}) {
        INFO(nonsense);
        app.faults.script(std::string("# a comment\n") + nonsense);
        CHECK(app.sign() == CKR_VENDOR_DEFINED + 2);
        CHECK(app.faults.counter("script.error") == 2);
    }
    app.faults.end_faults();
    CHECK(app.sign() == CKR_OK);
}

TEST_CASE("fault module: delay answers late", "[pkcs11]") {
    Application app;
    app.faults.script("C_SignInit 0 1 delay 60");
    const auto began = std::chrono::steady_clock::now();
    CHECK(app.sign() == CKR_OK);
    CHECK(std::chrono::steady_clock::now() - began >= std::chrono::milliseconds(60));
}

TEST_CASE("fault module: hang lasts until the script does without it", "[pkcs11]") {
    Application app;
    app.faults.script("C_Sign 0 1 hang");
    CK_RV answer = CKR_GENERAL_ERROR;
    std::thread caller([&] { answer = app.sign(); });
    app.faults.wait_until_fired();
    CK_INFO info{};
    CHECK(app.p11.C_GetInfo(&info) == CKR_OK);  // the others go on
    app.faults.end_faults();
    caller.join();
    CHECK(answer == CKR_OK);
}

TEST_CASE("fault module: crash ends the process; the counters outlive it", "[pkcs11]") {
    Application app;
    app.faults.script("C_GetInfo 0 1 crash");
    const auto in_child = [&](auto work) {
        const pid_t child = ::fork();
        if (child == 0) {
            work();
            ::_exit(0);
        }
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        return status;
    };
    const auto ask = [&] {
        CK_SESSION_HANDLE another = 0;
        app.open(another);
        CK_INFO info{};
        app.p11.C_GetInfo(&info);
    };
    const int died = in_child(ask);
    CHECK(WIFSIGNALED(died));
    CHECK(WTERMSIG(died) == SIGSEGV);
    CHECK(app.faults.counter("crashes") == 1);
    CHECK(app.faults.counter("sessions.open") == 2);
    // The line has had its one call, in whichever process: the next one lives, and forgets the
    // sessions of the dead.
    CHECK(in_child(ask) == 0);
    CHECK(app.faults.counter("crashes") == 1);
    CHECK(app.faults.counter("sessions.open") == 2);
}

TEST_CASE("fault module: corrupt and replay give signatures that do not verify", "[pkcs11]") {
    Application app;
    Signature first;
    REQUIRE(app.sign(first) == CKR_OK);
    app.faults.script("C_Sign 0 1 corrupt\nC_Sign 1 1 replay");
    Signature signature;
    CHECK(app.sign(signature) == CKR_OK);
    CHECK_FALSE(app.verifies(signature, app.key));
    Signature corrupted = signature;
    corrupted[corrupted.size() / 2] ^= 1U;
    CHECK(app.verifies(corrupted, app.key));  // one bit was wrong

    app.digest[0] = 9;
    CHECK(app.sign(signature) == CKR_OK);
    CHECK(signature == corrupted);  // the good one of before
    CHECK_FALSE(app.verifies(signature, app.key));
    CHECK(app.sign(signature) == CKR_OK);
    CHECK(app.verifies(signature, app.key));
}

TEST_CASE("fault module: swap signs with another key", "[pkcs11]") {
    Application app;
    app.faults.script("C_SignInit 0 1 swap");
    Signature signature;
    CHECK(app.sign(signature) == CKR_OK);
    CHECK_FALSE(app.verifies(signature, app.key));
    CHECK(app.verifies(signature, app.other_key));
}

TEST_CASE("fault module: drop-sessions closes them all, for good", "[pkcs11]") {
    Application app;
    app.faults.script("C_Sign 0 1 drop-sessions");
    CHECK(app.sign() == CKR_SESSION_HANDLE_INVALID);
    CHECK(app.sign() == CKR_SESSION_HANDLE_INVALID);
    CHECK(app.p11.C_CloseSession(app.session) == CKR_SESSION_HANDLE_INVALID);
    CHECK(app.faults.counter("sessions.open") == 0);
    CHECK(app.open(app.session) == CKR_OK);
    CHECK(app.log_in("1234") == CKR_OK);  // closing the last one had logged it out
}

TEST_CASE("fault module: logout really logs out", "[pkcs11]") {
    Application app;
    app.faults.script("C_SignInit 0 1 logout");
    CHECK(app.sign() != CKR_OK);
    CK_SESSION_INFO info{};
    CHECK(app.p11.C_GetSessionInfo(app.session, &info) == CKR_OK);
    CHECK(info.state == CKS_RW_PUBLIC_SESSION);
}

TEST_CASE("fault module: limit leaves no more than so many sessions, and says so", "[pkcs11]") {
    Application app;
    app.faults.script("C_OpenSession 0 * limit 2");
    CK_SESSION_HANDLE second = 0;
    CK_SESSION_HANDLE third = 0;
    CHECK(app.open(second) == CKR_OK);
    CHECK(app.open(third) == CKR_SESSION_COUNT);
    CK_TOKEN_INFO info{};
    CHECK(app.p11.C_GetTokenInfo(app.slot, &info) == CKR_OK);
    CHECK(info.ulMaxSessionCount == 2);
    CHECK(app.p11.C_CloseSession(second) == CKR_OK);
    CHECK(app.open(third) == CKR_OK);
    CHECK(app.faults.counter("sessions.most") == 2);
}

TEST_CASE("fault module: token-flag says what the token does not", "[pkcs11]") {
    Application app;
    app.faults.script("C_GetTokenInfo 1 1 token-flag CKF_USER_PIN_FINAL_TRY");
    for (const CK_FLAGS expected : {CK_FLAGS(0), CK_FLAGS(CKF_USER_PIN_FINAL_TRY), CK_FLAGS(0)}) {
        CK_TOKEN_INFO info{};
        CHECK(app.p11.C_GetTokenInfo(app.slot, &info) == CKR_OK);
        CHECK((info.flags & CKF_USER_PIN_FINAL_TRY) == expected);
    }
}

TEST_CASE("fault module: refused PINs are counted, whoever refused them", "[pkcs11]") {
    Application app;
    CHECK(app.p11.C_Logout(app.session) == CKR_OK);
    CHECK(app.log_in("4321") == CKR_PIN_INCORRECT);
    app.faults.script("C_Login 0 1 return CKR_PIN_LOCKED");
    CHECK(app.log_in("1234") == CKR_PIN_LOCKED);
    CHECK(app.log_in("1234") == CKR_OK);
    CHECK(app.faults.counter("logins.tried") == 4);
    CHECK(app.faults.counter("pins.refused") == 2);
}

TEST_CASE("fault module: many threads pass through it at once", "[pkcs11]") {
    Application app;
    app.faults.script("C_GetSessionInfo 100 100 return CKR_DEVICE_ERROR");
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            CK_SESSION_INFO info{};
            for (int call = 0; call < 250; ++call) {
                app.p11.C_GetSessionInfo(app.session, &info);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(app.faults.counter("line.1.reached") == 1000);
    CHECK(app.faults.fired() == 100);
}
