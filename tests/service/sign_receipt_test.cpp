#include "service/sign_receipt.h"

#include "claw/receipt_verify.h"
#include "support/software_appliance.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace clawsigner;
using tests::kGoodReceipt;
using tests::SoftwareAppliance;

namespace {

claw::ReceiptRequest request(bool legacy = false) {
    return claw::parse_receipt_request(kGoodReceipt, legacy).value();
}

Result<service::SignedReceipt> sign(const SoftwareAppliance& on, claw::ReceiptRequest wanted) {
    return tests::recorded(on,
                           service::sign_receipt(on.appliance, tests::kCaller, std::move(wanted)));
}

/// 'x' stands for a lower-case hex digit, 'v' for RFC 9562's variant, everything else for itself.
bool has_shape(std::string_view text, std::string_view shape) {
    return std::ranges::equal(text, shape, [](char c, char s) {
        const std::string_view allowed = s == 'x'   ? "0123456789abcdef"
                                         : s == 'v' ? "89ab"
                                                    : std::string_view(&s, 1);
        return allowed.find(c) != std::string_view::npos;
    });
}

}  // namespace

TEST_CASE("sign receipt: fills in id and time, and what it makes verifies", "[service]") {
    const SoftwareAppliance on;
    const auto made = sign(on, request()).value();
    const auto result = claw::verify_receipt(made.envelope, {on.key()});
    REQUIRE(result.summary.has_value());
    CHECK(has_shape(result.summary->receipt_id, "rcpt_xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx"));
    CHECK(result.summary->timestamp == "2026-01-01T00:00:00.000Z");
    CHECK_FALSE(made.legacy.has_value());
}

TEST_CASE("sign receipt: keeps the id and time it is given", "[service]") {
    const SoftwareAppliance on;
    auto wanted = request();
    wanted.receipt_id = "rcpt_mine";
    wanted.timestamp = on.clock.now() - std::chrono::seconds(300);
    const auto made = sign(on, wanted).value();
    const auto result = claw::verify_receipt(made.envelope, {on.key()});
    CHECK(result.summary->receipt_id == "rcpt_mine");
    CHECK(result.summary->timestamp == "2025-12-31T23:55:00.000Z");
}

TEST_CASE("sign receipt: a time further off than the skew is refused, before and behind",
          "[service]") {
    const SoftwareAppliance on;
    for (const auto off :
         {std::chrono::milliseconds(300'001), std::chrono::milliseconds(-300'001)}) {
        auto wanted = request();
        wanted.timestamp = on.clock.now() + off;
        const auto made = sign(on, wanted);
        REQUIRE_FALSE(made.ok());
        CHECK(made.error().code == ErrorCode::timestamp_skew);
        CHECK(made.error().field == "timestamp");
    }
}

TEST_CASE("sign receipt: the legacy receipt is signed by the same key when it is wanted",
          "[service]") {
    for (const auto algorithm : {crypto::Algorithm::ed25519, crypto::Algorithm::p256}) {
        const SoftwareAppliance on(algorithm);
        const auto made = sign(on, request(true)).value();
        const std::string answer =
            "{\"envelope\":" + made.envelope + ",\"legacy\":" + *made.legacy + "}";
        CHECK(claw::verify_receipt(answer, {on.key()}).verdict.valid());
    }
}

TEST_CASE("sign receipt: without a store there is an error and no artefact", "[service]") {
    SoftwareAppliance on;
    on.backend.set_state(hsm::BackendState::absent);
    CHECK(sign(on, request()).error().code == ErrorCode::hsm_down);
    on.backend.set_state(hsm::BackendState::ready);
    on.backend.corrupt_signatures(true);
    CHECK(sign(on, request()).error().code == ErrorCode::key_quarantined);
}
