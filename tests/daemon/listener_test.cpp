#include "daemon/listener.h"

#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

using namespace clawsigner;
using daemon::ListeningSocket;
using tests::TempDir;

TEST_CASE("listener: its socket is its owner's alone", "[daemon]") {
    const TempDir dir;
    const auto fd = ListeningSocket::at(dir / "a.sock");
    REQUIRE(fd.ok());
    struct stat info{};
    REQUIRE(::stat((dir / "a.sock").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777U) == 0600U);
}

TEST_CASE("listener: replaces the socket of a dead daemon, not of a living one", "[daemon]") {
    const TempDir dir;
    {
        const auto first = ListeningSocket::at(dir / "a.sock");
        REQUIRE(first.ok());
        const auto second = ListeningSocket::at(dir / "a.sock");
        REQUIRE_FALSE(second.ok());
        CHECK_THAT(second.error().message, Catch::Contains("another daemon is running"));
    }
    CHECK_FALSE(std::filesystem::exists(dir / "a.sock"));
    CHECK(ListeningSocket::at(dir / "a.sock").ok());
}

TEST_CASE("listener: takes no socket with it that came in its place", "[daemon]") {
    const TempDir dir;
    auto first = std::make_unique<ListeningSocket>(ListeningSocket::at(dir / "a.sock").value());
    std::filesystem::remove(dir / "a.sock");
    const auto second = ListeningSocket::at(dir / "a.sock");
    first.reset();
    CHECK(std::filesystem::exists(dir / "a.sock"));
}

TEST_CASE("directory lock: one daemon a directory, until it is gone", "[daemon]") {
    const TempDir dir;
    {
        const auto first = daemon::DirectoryLock::take(dir.path());
        REQUIRE(first.ok());
        CHECK_THAT(daemon::DirectoryLock::take(dir.path()).error().message,
                   Catch::Contains("another daemon is running"));
    }
    CHECK(daemon::DirectoryLock::take(dir.path()).ok());
    CHECK_THAT(daemon::DirectoryLock::take(dir / "absent").error().message,
               Catch::Contains("server.directory must exist"));
}

TEST_CASE("listener: does not remove what is no socket, and names what it cannot do", "[daemon]") {
    const TempDir dir;
    dir.write("file.sock", "precious");
    CHECK_THAT(ListeningSocket::at(dir / "file.sock").error().message,
               Catch::Contains("is not a socket"));
    CHECK(std::filesystem::exists(dir / "file.sock"));
    CHECK_THAT(ListeningSocket::at(dir / std::string(120, 'a')).error().message,
               Catch::Contains("107 bytes"));
    CHECK_THAT(ListeningSocket::at(dir / "no/a.sock").error().message,
               Catch::Contains("cannot bind"));
}
