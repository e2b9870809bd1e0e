#include "daemon/access.h"

#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

using namespace clawsigner;
using daemon::Role;
using tests::TempDir;

namespace {

mode_t mode_of(const std::filesystem::path& path) {
    struct stat info{};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    return info.st_mode & 07777U;
}

daemon::Peer peer(uid_t uid) {
    daemon::Peer peer;
    peer.uid = uid;
    return peer;
}

}  // namespace

TEST_CASE("access: asks the table of the moment, and the sockets' files follow it", "[daemon]") {
    const TempDir dir;
    daemon::ListeningSockets sockets;
    sockets.emplace_back(Role::proxy, daemon::ListeningSocket::at(dir / "proxy.sock").value());
    const daemon::Log log(daemon::Log::Level::error);
    const policy::Callers own{{::geteuid()}, {}};
    auto table = std::make_shared<const policy::RoleTable>(policy::RoleTable{{Role::proxy, own}});
    daemon::Access access([&table] { return table; }, sockets, log);
    access.follow();
    CHECK(mode_of(dir / "proxy.sock") == 0600U);
    CHECK_FALSE(access.allows(Role::proxy, peer(41001)));
    CHECK_FALSE(access.allows(Role::admin, peer(::geteuid())));

    table =
        std::make_shared<const policy::RoleTable>(policy::RoleTable{{Role::proxy, {{41001}, {}}}});
    CHECK(access.allows(Role::proxy, peer(41001)));
    CHECK_FALSE(access.allows(Role::proxy, peer(::geteuid())));
    access.follow();
    CHECK(mode_of(dir / "proxy.sock") == 0666U);

    table = std::make_shared<const policy::RoleTable>(policy::RoleTable{{Role::proxy, {}}});
    access.follow();
    CHECK(mode_of(dir / "proxy.sock") == 0600U);
    CHECK_FALSE(access.allows(Role::proxy, peer(41001)));
}

TEST_CASE("access: a file that came in a socket's place is left as it is", "[daemon]") {
    const TempDir dir;
    const auto socket = daemon::ListeningSocket::at(dir / "a.sock").value();
    std::filesystem::remove(dir / "a.sock");
    const auto other = daemon::ListeningSocket::at(dir / "a.sock").value();
    CHECK(socket.set_mode(0666).error().code == ErrorCode::io_failed);
    CHECK(mode_of(dir / "a.sock") == 0600U);
}
