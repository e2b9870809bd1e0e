#include "daemon/peer.h"

#include "daemon/admission.h"

#include <catch2/catch.hpp>

#include <array>
#include <sys/socket.h>
#include <unistd.h>

using namespace clawsigner;
using daemon::Admission;
using daemon::is_one_of;
using daemon::Peer;
using policy::Callers;

namespace {

Peer peer(uid_t uid, gid_t gid = 0, std::vector<gid_t> groups = {}) {
    Peer peer;
    peer.uid = uid;
    peer.gid = gid;
    peer.groups = std::move(groups);
    return peer;
}

}  // namespace

TEST_CASE("peer: is whom the kernel says", "[daemon]") {
    std::array<int, 2> pair{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
    const base::UniqueFd one(pair[0]);
    const base::UniqueFd two(pair[1]);
    const auto peer = daemon::peer_of(one.get());
    REQUIRE(peer.ok());
    CHECK(peer->uid == ::geteuid());
    CHECK(peer->gid == ::getegid());
    CHECK(peer->pid == ::getpid());
    CHECK_FALSE(daemon::peer_of(-1).ok());
}

TEST_CASE("callers: are their users and the members of their groups, and nobody else", "[daemon]") {
    const Callers some{{10, 65534}, {20}};
    CHECK(is_one_of(some, peer(10)));
    CHECK_FALSE(is_one_of(some, peer(11)));
    CHECK(is_one_of(some, peer(11, 20)));
    CHECK(is_one_of(some, peer(11, 0, {1, 20})));
    CHECK_FALSE(is_one_of(some, peer(11, 0, {1, 21})));
    CHECK_FALSE(is_one_of(some, peer(0)));
    CHECK_FALSE(is_one_of(Callers(), peer(0)));
}

TEST_CASE("callers: are never the user that stands for the unnamed", "[daemon]") {
    CHECK_FALSE(is_one_of({{65534}, {20}}, peer(65534, 20, {20})));
}

TEST_CASE("admission: counts connections in all and of a user, and gives places back", "[daemon]") {
    Admission admission({3, 2, 1, 1});
    auto first = admission.connection(1);
    auto second = admission.connection(1);
    CHECK(first);
    CHECK(second);
    CHECK_FALSE(admission.connection(1));
    const auto third = admission.connection(2);
    CHECK(third);
    CHECK_FALSE(admission.connection(3));
    first = {};
    CHECK(admission.connection(1));
    const auto moved = std::move(second);
    CHECK(moved);
    CHECK(admission.connection(1));
}

TEST_CASE("admission: counts requests and the bytes they may have", "[daemon]") {
    Admission admission({1, 1, 4, 200});
    auto first = admission.request(1, 60);
    CHECK(first);
    CHECK_FALSE(admission.request(1, 41));
    const auto second = admission.request(1, 40);
    CHECK(second);
    CHECK_FALSE(admission.request(1, 0));  // half of them are the most one user holds
    const auto third = admission.request(2, 100);
    CHECK(third);
    const auto fourth = admission.request(3, 0);
    CHECK(fourth);
    CHECK_FALSE(admission.request(4, 0));
    first = {};
    CHECK(admission.request(1, 60));
}
