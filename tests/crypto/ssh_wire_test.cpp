#include "crypto/ssh_wire.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using crypto::SshReader;
using crypto::SshWriter;

namespace {

/// The number in hex, or the error.
std::string mpint(std::string_view hex) {
    const Bytes bytes = SshWriter().string(base::hex_decode(hex).value()).done();
    const auto number = SshReader(bytes).mpint256();
    return number.ok() ? base::hex_encode(*number) : number.error().message;
}

std::string padded(std::string_view hex) {
    return std::string(64 - hex.size(), '0').append(hex);
}

}  // namespace

TEST_CASE("ssh wire: what is written is read, and nothing is left", "[crypto]") {
    const Bytes bytes =
        SshWriter().byte(7).uint32(0x01020304).string("abc").string("").bytes("xy").done();
    CHECK(base::hex_encode(bytes) ==
          "07010203040000000361626300000000"
          "7879");
    SshReader in(bytes);
    CHECK(in.byte().value() == 7);
    CHECK(in.uint32().value() == 0x01020304);
    CHECK(in.text(3).value() == "abc");
    CHECK(in.string(0).value().empty());
    CHECK_FALSE(in.end().ok());
    CHECK(in.bytes(2).value().size() == 2);
    CHECK(in.end().ok());
    CHECK_FALSE(in.byte().ok());
}

TEST_CASE("ssh wire: a string that is longer than its bound, or than what is there, is refused",
          "[crypto]") {
    const Bytes bytes = SshWriter().string("abc").done();
    CHECK_FALSE(SshReader(bytes).string(2).ok());
    CHECK_FALSE(SshReader(ByteView(bytes).first(6)).string(3).ok());
    CHECK_FALSE(SshReader(ByteView(bytes).first(3)).string(3).ok());
    const Bytes endless(8, 0xFF);
    CHECK_FALSE(SshReader(endless).string(SIZE_MAX).ok());
}

TEST_CASE("ssh wire: a number has one spelling and at most 256 bits", "[crypto]") {
    CHECK(mpint("") == padded(""));
    CHECK(mpint("7f") == padded("7f"));
    CHECK(mpint("0080") == padded("80"));
    CHECK(mpint("00" + std::string(64, 'f')) == std::string(64, 'f'));
    for (const std::string_view bad : {"00", "007f", "80", "ff", "0000ff"}) {
        INFO(bad);
        CHECK_THAT(mpint(bad), Catch::Contains("negative or not in its shortest form"));
    }
    CHECK_THAT(mpint("01" + std::string(64, '0')), Catch::Contains("more than 256 bits"));
    CHECK_THAT(mpint("00" + std::string(66, 'f')), Catch::Contains("longer"));
}
