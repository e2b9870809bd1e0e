#include "pkcs11/softhsm_lock.h"

#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace clawsigner;
using pkcs11::softhsm_token_directory;
using pkcs11::SoftHsmLock;

TEST_CASE("softhsm lock: the token directory is found as SoftHSM finds it", "[pkcs11]") {
    CHECK(softhsm_token_directory("log.level = ERROR\ndirectories.tokendir = /t\n") == "/t");
    CHECK(softhsm_token_directory("\tdirectories.tokendir=/a b  # here\r\n") == "/a b");
    CHECK(softhsm_token_directory("directories.tokendir = /t\ndirectories.tokendir = /u") == "/u");
    CHECK_FALSE(softhsm_token_directory("#directories.tokendir = /t\ndirectories.tokendir ="));
    CHECK_FALSE(softhsm_token_directory(""));
}

TEST_CASE("softhsm lock: a directory is one holder's, by whatever name and file", "[pkcs11]") {
    const tests::TempDir dir;
    std::filesystem::create_directory(dir / "tokens");
    std::filesystem::create_directory_symlink(dir / "tokens", dir / "link");
    const auto conf =
        dir.write("conf", "directories.tokendir = " + (dir / "tokens").string() + "\n");
    const auto other = dir.write("other", "directories.tokendir = " + (dir / "link").string());
    {
        SoftHsmLock first;
        REQUIRE(first.take(conf).ok());
        CHECK(first.take(other).ok());  // two of its own stores may share it
        SoftHsmLock second;
        const Status refused = second.take(other);
        REQUIRE_FALSE(refused.ok());
        CHECK(refused.error().code == ErrorCode::config_invalid);
        CHECK_THAT(refused.error().message, Catch::Contains("another daemon"));
    }
    SoftHsmLock next;
    CHECK(next.take(other).ok());
    CHECK(std::filesystem::is_empty(dir / "tokens"));
}

TEST_CASE("softhsm lock: what is not there is not taken, and not an error", "[pkcs11]") {
    const tests::TempDir dir;
    SoftHsmLock lock;
    CHECK(lock.take(dir / "conf").ok());
    CHECK(lock.take(dir.write("conf", "directories.tokendir = /nowhere\n")).ok());
}
