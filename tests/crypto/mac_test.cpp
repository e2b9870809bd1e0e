#include "crypto/mac.h"

#include <catch2/catch.hpp>

using namespace clawsigner;

TEST_CASE("mac key: gives what RFC 4231 says of HMAC-SHA-256", "[crypto]") {
    // Test case 6 has a longer key; case 1's, 20 bytes of 0x0b, with zeros behind it is the same
    // key to HMAC, which pads it so.
    Bytes key(crypto::MacKey::kSize, 0);
    std::fill_n(key.begin(), 20, std::uint8_t{0x0b});
    const std::string text = base::base64url_encode(key);
    const auto mac_key = crypto::MacKey::parse(base::as_bytes(text));
    REQUIRE(mac_key.ok());
    CHECK(base::hex_encode(mac_key->mac(base::as_bytes("Hi There"))) ==
          "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

TEST_CASE("mac key: knows its own and no other", "[crypto]") {
    const auto key = crypto::MacKey::random().value();
    const auto other = crypto::MacKey::random().value();
    const auto message = base::as_bytes("a call");
    auto mac = key.mac(message);
    CHECK(key.verifies(message, mac));
    CHECK_FALSE(other.verifies(message, mac));
    CHECK_FALSE(key.verifies(base::as_bytes("b call"), mac));
    CHECK_FALSE(key.verifies(message, ByteView(mac).first(31)));
    CHECK_FALSE(key.verifies(message, {}));
    mac[31] ^= 1;
    CHECK_FALSE(key.verifies(message, mac));
}

TEST_CASE("mac key: reads back from its text", "[crypto]") {
    const auto key = crypto::MacKey::random().value();
    const auto text = key.text().value();
    const auto again = crypto::MacKey::parse(text.expose()).value();
    CHECK(again.verifies(base::as_bytes("x"), key.mac(base::as_bytes("x"))));
    CHECK_FALSE(crypto::MacKey::parse(base::as_bytes("short")).ok());
    CHECK_FALSE(crypto::MacKey::parse(base::as_bytes(std::string(43, '!'))).ok());
}
