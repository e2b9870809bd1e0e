#include "pkcs11/error.h"

#include "base/file.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

using namespace clawsigner;
using pkcs11::Remedy;

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

TEST_CASE("cryptoki error: the table has every return value of the standard's header, once",
          "[pkcs11]") {
    const std::string header = base::read_file(CLAWSIGNER_PKCS11_H, 1U << 20U).value();
    const std::regex define(R"(#define\s+(CKR_\w+)\s)");
    std::vector<std::string> defined;
    for (std::sregex_iterator one(header.begin(), header.end(), define), end; one != end; ++one) {
        defined.push_back((*one)[1]);
    }
    REQUIRE(defined.size() > 90);
    std::vector<std::string> listed;
    for (const auto& row : pkcs11::return_values()) {
        listed.emplace_back(row.name);
        CHECK(std::ranges::count(pkcs11::return_values(), row.rv, &pkcs11::ReturnValue::rv) == 1);
    }
    CHECK_THAT(listed, Catch::UnorderedEquals(defined));
}

TEST_CASE("cryptoki error: name, code and remedy are the table's", "[pkcs11]") {
    for (const auto& row : pkcs11::return_values()) {
        INFO(row.name);
        const Error error = pkcs11::error_from("C_Sign", row.rv);
        CHECK(pkcs11::rv_name(row.rv) == row.name);
        CHECK(error.code == row.code);
        CHECK(pkcs11::remedy_of(error) == row.remedy);
        // A refused PIN always waits for a person, and what a token does not do is never its fault.
        CHECK((row.code == ErrorCode::pin_held) <= (row.remedy == Remedy::person));
        CHECK((row.code == ErrorCode::unsupported) <= (row.remedy == Remedy::request));
    }
}

TEST_CASE("cryptoki error: what helps fits what has happened", "[pkcs11]") {
    const auto [rv, remedy] = GENERATE(table<CK_RV, Remedy>({
        {CKR_MECHANISM_INVALID, Remedy::request},
        {CKR_DATA_LEN_RANGE, Remedy::request},
        {CKR_SESSION_HANDLE_INVALID, Remedy::session},
        {CKR_OPERATION_ACTIVE, Remedy::session},
        {CKR_DEVICE_REMOVED, Remedy::module},
        {CKR_DEVICE_ERROR, Remedy::module},
        {CKR_OBJECT_HANDLE_INVALID, Remedy::module},
        {CKR_USER_NOT_LOGGED_IN, Remedy::module},
        {CKR_CRYPTOKI_NOT_INITIALIZED, Remedy::module},
        {CKR_PIN_LOCKED, Remedy::person},
        {CKR_TOKEN_WRITE_PROTECTED, Remedy::person},
        {CKR_VENDOR_DEFINED | 1UL, Remedy::module},
        {0x7777UL, Remedy::module},
    }));
    CHECK(pkcs11::remedy_of(pkcs11::error_from("C_Sign", rv)) == remedy);
    CHECK(pkcs11::remedy_of(Error(ErrorCode::hsm_down, "no session came free")) == Remedy::request);
}
