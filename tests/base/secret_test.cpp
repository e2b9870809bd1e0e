#include "base/secret.h"

#include <catch2/catch.hpp>

#include <string_view>

using namespace clawsigner;

TEST_CASE("secret: holds a copy behind a NUL and moves without leaving one behind") {
    Secret pin = Secret::copy_of(base::as_bytes("1234")).value();
    CHECK(std::string_view(pin.expose_c_str()) == "1234");
    Secret moved = std::move(pin);
    CHECK(moved.size() == 4);
    CHECK(
        pin.empty());  // NOLINT(bugprone-use-after-move): moved-from is empty, that is the contract
    CHECK(std::string_view(pin.expose_c_str()).empty());
}

TEST_CASE("secret: what is cut off is wiped") {
    Secret pin = Secret::copy_of(base::as_bytes("12345678")).value();
    const std::uint8_t* bytes = pin.expose().data();
    pin.shrink_to(4);
    CHECK(std::string_view(pin.expose_c_str()) == "1234");
    CHECK(bytes[4] == 0);
    CHECK(bytes[7] == 0);
    pin.shrink_to(100);
    CHECK(pin.size() == 4);
}
