#include "base/encoding.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using base::as_bytes;

TEST_CASE("base64url: prints the RFC 4648 examples without padding") {
    CHECK(base::base64url_encode(as_bytes("")).empty());
    CHECK(base::base64url_encode(as_bytes("f")) == "Zg");
    CHECK(base::base64url_encode(as_bytes("fo")) == "Zm8");
    CHECK(base::base64url_encode(as_bytes("foo")) == "Zm9v");
    CHECK(base::base64url_encode(as_bytes("foobar")) == "Zm9vYmFy");
    CHECK(base::base64url_encode(as_bytes("\xfb\xff\xbf")) == "-_-_");
}

TEST_CASE("base64url: reads back what it printed, for every length") {
    Bytes bytes;
    for (int i = 0; i < 100; ++i) {
        const auto back = base::base64url_decode(base::base64url_encode(bytes));
        REQUIRE(back.ok());
        CHECK(*back == bytes);
        bytes.push_back(static_cast<std::uint8_t>(i * 37 + 11));
    }
}

TEST_CASE("base64url: refuses every other spelling") {
    for (const char* text :
         {"Zg==", "Z", "Zm9vA", "Zh", "Zm9", "Zm+v", "Zm/v", "Zm 9v", "Zm9v\n", "Zm9\xc3\xa9"}) {
        INFO(text);
        CHECK_FALSE(base::base64url_decode(text).ok());
    }
}

TEST_CASE("base64: prints the RFC 4648 examples, padded") {
    CHECK(base::base64_encode(as_bytes("")).empty());
    CHECK(base::base64_encode(as_bytes("f")) == "Zg==");
    CHECK(base::base64_encode(as_bytes("fo")) == "Zm8=");
    CHECK(base::base64_encode(as_bytes("foo")) == "Zm9v");
    CHECK(base::base64_encode(as_bytes("\xfb\xff\xbf")) == "+/+/");
}

TEST_CASE("base64: reads back what it printed, for every length") {
    Bytes bytes;
    for (int i = 0; i < 100; ++i) {
        CHECK(base::base64_decode(base::base64_encode(bytes)).value() == bytes);
        bytes.push_back(static_cast<std::uint8_t>(i * 37 + 11));
    }
}

TEST_CASE("base64: refuses every other spelling") {
    for (const char* text : {"Zg", "Zg=", "Zg===", "=", "==", "====", "Z===", "Zh==", "Zm9=",
                             "Zm-v", "Zm_v", "Zm 9", "Zg==Zg==", "Zm9v\n", "Zm9\xc3"}) {
        INFO(text);
        CHECK_FALSE(base::base64_decode(text).ok());
    }
}

TEST_CASE("decimal: reads a number as it is printed and in no other way") {
    CHECK(base::decimal_decode("0").value() == 0);
    CHECK(base::decimal_decode("18446744073709551615").value() == UINT64_MAX);
    for (const char* text :
         {"", "00", "01", "-0", "+1", " 1", "1 ", "1a", "0x1", "18446744073709551616"}) {
        INFO(text);
        CHECK_FALSE(base::decimal_decode(text).ok());
    }
}

TEST_CASE("hex: prints lower case and reads only that") {
    CHECK(base::hex_encode(as_bytes("\x01\xab\xff")) == "01abff");
    CHECK(*base::hex_decode("01abff") == Bytes{0x01, 0xab, 0xff});
    CHECK_FALSE(base::hex_decode("01ABff").ok());
    CHECK_FALSE(base::hex_decode("012").ok());
    CHECK_FALSE(base::hex_decode("0g").ok());
}

TEST_CASE("base58btc: keeps leading zeros") {
    const Bytes bytes{0, 0, 1, 2, 3};
    const std::string text = base::base58btc_encode(bytes);
    CHECK(text.starts_with("11"));
    CHECK_FALSE(text.starts_with("111"));
    CHECK(*base::base58btc_decode(text) == bytes);
}

TEST_CASE("base58btc: agrees with the published examples") {
    // draft-msporny-base58, section 5
    CHECK(base::base58btc_encode(as_bytes("Hello World!")) == "2NEpo7TZRRrLZSi2U");
    CHECK(base::base58btc_encode(*base::hex_decode("0000287fb4cd")) == "11233QC4");
}

TEST_CASE("base58btc: refuses foreign characters and endless text") {
    CHECK_FALSE(base::base58btc_decode("0OIl").ok());
    CHECK(base::base58btc_decode(std::string(128, '2')).ok());
    CHECK_FALSE(base::base58btc_decode(std::string(129, '2')).ok());
}
