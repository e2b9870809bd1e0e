#include "tpm/response.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace clawsigner;
using tpm::Remedy;

TEST_CASE("tpm response: every code is there once, and none claims success", "[tpm]") {
    std::set<std::uint32_t> codes;
    for (const tpm::ResponseCode& row : tpm::response_codes()) {
        INFO(row.name);
        CHECK(codes.insert(row.code).second);
        CHECK(row.code != 0);
        CHECK(tpm::plain_code(row.code) == row.code);
        CHECK(tpm::response_name(row.code) == row.name);
    }
    CHECK(codes.size() > 80);
}

TEST_CASE("tpm response: which handle, session or parameter is at fault makes no difference",
          "[tpm]") {
    CHECK(tpm::response_name(0x9A2) == "TPM_RC_BAD_AUTH");   // session 1
    CHECK(tpm::response_name(0x18B) == "TPM_RC_HANDLE");     // handle 1
    CHECK(tpm::response_name(0x1DF) == "TPM_RC_INTEGRITY");  // parameter 1
    CHECK(tpm::response_name(0xC0921) == "TPM_RC_LOCKOUT");  // through a resource manager
}

TEST_CASE("tpm response: a code says what helps, and what a client is told", "[tpm]") {
    const auto of = [](std::uint32_t code) { return tpm::error_from("TPM2_Sign", code); };
    CHECK(tpm::remedy_of(of(0x922)) == Remedy::retry);
    CHECK(tpm::remedy_of(of(0x902)) == Remedy::room);
    CHECK(of(0x902).code == ErrorCode::device_full);
    CHECK(of(0x14B).code == ErrorCode::device_full);
    CHECK(of(0x921).code == ErrorCode::device_locked);
    CHECK(of(0x99D).code == ErrorCode::boot_not_approved);
    CHECK(tpm::remedy_of(of(0x910)) == Remedy::reopen);
    CHECK(tpm::remedy_of(of(0xA000A)) == Remedy::reopen);  // the TCTI's, as of a TPM that is gone
    CHECK(of(0xA000A).message == "TPM2_Sign: 0xa000a");
    CHECK(tpm::remedy_of(Error(ErrorCode::queue_full, "no call")) == Remedy::request);
    CHECK(tpm::check("TPM2_Sign", 0).ok());
}
