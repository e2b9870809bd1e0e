#include "pkcs11/pin_memory.h"

#include "base/file.h"
#include "pkcs11/error.h"
#include "support/fixed_clock.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

using namespace clawsigner;
using pkcs11::PinMemory;

namespace {

/// Each call is another process: nothing lives on but the file.
struct Fixture {
    tests::TempDir dir;
    tests::FixedClock clock;

    PinMemory memory() const { return {dir / "main.login", clock}; }
    Status try_once(const Status& answer) const {
        PinMemory memory = this->memory();
        CHECK_OK(memory.may_log_in());
        memory.login_answered(answer);
        return Status::done();
    }
    /// The process ends in the midst of the login.
    Status try_and_die() const { return memory().may_log_in(); }
    std::string text() const {
        return base::read_own_file(dir / "main.login", 1000).value().value_or("");
    }
};

Status login(CK_RV rv) {
    return pkcs11::check("C_Login", rv);
}

}  // namespace

TEST_CASE("pin memory: a refused PIN is refused from then on, without being tried", "[pkcs11]") {
    const Fixture f;
    REQUIRE(f.try_once(login(CKR_PIN_INCORRECT)).ok());
    for (int i = 0; i < 3; ++i) {
        const Status refused = f.try_once(login(CKR_OK));
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.error().code == ErrorCode::pin_held);
        CHECK(refused.error().message == "the token refused the PIN on " +
                                             base::format_utc(f.clock.now()) +
                                             " (C_Login: CKR_PIN_INCORRECT); correct the PIN, "
                                             "then: clawsigner pin retry");
    }
    PinMemory memory = f.memory();
    REQUIRE(memory.forget().ok());
    CHECK(memory.standing().ok());
}

TEST_CASE("pin memory: a login that succeeded leaves nothing behind", "[pkcs11]") {
    const Fixture f;
    REQUIRE(f.try_once(login(CKR_DEVICE_ERROR)).ok());
    REQUIRE(f.try_once(login(CKR_OK)).ok());
    CHECK_FALSE(std::filesystem::exists(f.dir / "main.login"));
    REQUIRE(f.try_once(login(CKR_DEVICE_ERROR)).ok());
    CHECK(f.memory().standing().ok());
}

TEST_CASE("pin memory: two tries in a row without a clear answer are the last", "[pkcs11]") {
    const Fixture f;
    const auto [first, second, why] = GENERATE(table<bool, bool, std::string>({
        {true, true, ""},
        {true, false, " (C_Login: CKR_DEVICE_ERROR)"},
        {false, true, ""},
        {false, false, " (C_Login: CKR_DEVICE_ERROR)"},
    }));
    for (const bool dies : {first, second}) {
        REQUIRE((dies ? f.try_and_die() : f.try_once(login(CKR_DEVICE_ERROR))).ok());
    }
    const Status third = f.try_and_die();
    REQUIRE_FALSE(third.ok());
    CHECK(third.error().code == ErrorCode::pin_held);
    CHECK(third.error().message == "two logins in a row had no clear answer, the last on " +
                                       base::format_utc(f.clock.now()) + why +
                                       "; see that the PIN is right and the token well, then: "
                                       "clawsigner pin retry");
}

TEST_CASE("pin memory: is on disk before the try is made, and for its owner alone", "[pkcs11]") {
    const Fixture f;
    REQUIRE(f.try_and_die().ok());
    CHECK_THAT(f.text(), Catch::StartsWith("login unclear\nunclear 1\nsince "));
    struct stat info{};
    REQUIRE(::stat((f.dir / "main.login").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777U) == 0600U);
}

TEST_CASE("pin memory: where it cannot be written or read there is no try", "[pkcs11]") {
    const Fixture f;
    SECTION("its directory is gone") {
        PinMemory memory(f.dir / "no" / "main.login", f.clock);
        CHECK(memory.may_log_in().error().code == ErrorCode::io_failed);
    }
    SECTION("somebody put a link in its place") {
        std::filesystem::create_symlink(f.dir.write("elsewhere", ""), f.dir / "main.login");
        CHECK(f.try_and_die().error().code == ErrorCode::io_failed);
    }
    SECTION("it holds what it never wrote") {
        const auto* const spoilt =
            GENERATE("", "login unclear\n",
                     "login unclear\nunclear x\nsince 2026-01-01T00:00:00.000Z\nwhy -\n",
                     "login unclear\nunclear 1\nsince never\nwhy -\n",
                     "login fine\nunclear 0\nsince 2026-01-01T00:00:00.000Z\nwhy -\n");
        f.dir.write("main.login", spoilt);
        CHECK(f.try_and_die().error().code == ErrorCode::pin_held);
        CHECK(f.memory().forget().ok());
        CHECK(f.try_and_die().ok());
    }
}
