#include "pkcs11/uri.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using pkcs11::parse_token_uri;

TEST_CASE("token uri: names a token by what the token says of itself", "[pkcs11]") {
    const auto uri =
        parse_token_uri(
            "pkcs11:token=My%20token;manufacturer=SoftHSM%20project;serial=0a1b;slot-id=7")
            .value();
    CHECK(uri.token == "My token");
    CHECK(uri.manufacturer == "SoftHSM project");
    CHECK(uri.serial == "0a1b");
    CHECK(uri.slot_id == 7);
    CHECK(matches(uri, {"My token", "SoftHSM project", "any", "0a1b", 7}));
    CHECK_FALSE(matches(uri, {"My token", "SoftHSM project", "any", "0a1b", 8}));
    CHECK_FALSE(matches(uri, {"my token", "SoftHSM project", "any", "0a1b", 7}));
}

TEST_CASE("token uri: what is wrong is said", "[pkcs11]") {
    const auto [text, reason] = GENERATE(table<std::string, std::string>({
        {"", "begin with pkcs11:"},
        {"PKCS11:token=a", "begin with pkcs11:"},
        {"pkcs11:", "names no token"},
        {"pkcs11:token=a;token=b", "stands twice"},
        {"pkcs11:token=", "is empty"},
        {"pkcs11:token", "name=value"},
        {"pkcs11:token=a;", "ends with ';'"},
        {"pkcs11:token=a b", "percent-encoded"},
        {"pkcs11:token=a%2", "percent-encoded"},
        {"pkcs11:token=a%zz", "percent-encoded"},
        {"pkcs11:slot-id=x", "decimal"},
        {"pkcs11:slot-id=-1", "decimal"},
        {"pkcs11:token=a?pin-value=1234", "behind '?'"},
        {"pkcs11:token=a;object=key", "finds its keys by itself"},
        {"pkcs11:token=a;x-vendor=b", "unknown attribute"},
    }));
    INFO(text);
    const auto uri = parse_token_uri(text);
    REQUIRE_FALSE(uri.ok());
    CHECK(uri.error().code == ErrorCode::config_invalid);
    CHECK_THAT(uri.error().message, Catch::Contains(reason));
    CHECK_THAT(uri.error().message, !Catch::Contains("1234"));
}
