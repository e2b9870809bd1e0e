#include "pkcs11/error.h"

#include <catch2/catch.hpp>

using namespace clawsigner;

TEST_CASE("cryptoki error: keeps the call and the native code and gets a closed code", "[pkcs11]") {
    const Error removed = pkcs11::error_from("C_Sign", CKR_DEVICE_REMOVED);
    CHECK(removed.code == ErrorCode::hsm_down);
    CHECK(removed.call == "C_Sign");
    CHECK(removed.native == CKR_DEVICE_REMOVED);
    CHECK(removed.message == "C_Sign: CKR_DEVICE_REMOVED");
    CHECK(pkcs11::error_from("C_Login", CKR_PIN_INCORRECT).code == ErrorCode::pin_held);
    CHECK(pkcs11::error_from("C_Login", CKR_PIN_LOCKED).code == ErrorCode::pin_held);
    CHECK(pkcs11::error_from("C_GenerateKeyPair", CKR_MECHANISM_INVALID).code ==
          ErrorCode::unsupported);
    CHECK(pkcs11::error_from("C_Sign", 0x80000001UL).message == "C_Sign: CKR_0x80000001");
}
