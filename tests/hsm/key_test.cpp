#include "hsm/key.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using crypto::Family;

TEST_CASE("key label: names family and version and reads back", "[hsm]") {
    CHECK(hsm::key_label({Family::gateway_receipt, 12}) == "clawsigner/gateway_receipt/12");
    CHECK(hsm::parse_key_label("clawsigner/gateway_receipt/12") ==
          hsm::KeyName{Family::gateway_receipt, 12});
}

TEST_CASE("key label: what is not exactly one of ours is somebody else's", "[hsm]") {
    for (const char* label :
         {"", "clawsigner", "clawsigner/", "clawsigner/gateway_receipt",
          "clawsigner/gateway_receipt/", "clawsigner/gateway_receipt/0",
          "clawsigner/gateway_receipt/01", "clawsigner/gateway_receipt/+1",
          "clawsigner/gateway_receipt/1 ", "clawsigner/gateway_receipt/1/2", "clawsigner/root/1",
          "Clawsigner/gateway_receipt/1", "clawsigner/gateway_receipt/99999999999"}) {
        INFO(label);
        CHECK_FALSE(hsm::parse_key_label(label).has_value());
    }
}

TEST_CASE("key id: sixteen hex digits and nothing else", "[hsm]") {
    const auto id = hsm::KeyId::random().value();
    CHECK(id.text().size() == 16);
    CHECK(hsm::KeyId::parse(id.text()).value() == id);
    for (const char* text :
         {"", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "0123456789abcdeg"}) {
        CHECK_FALSE(hsm::KeyId::parse(text).ok());
    }
}
