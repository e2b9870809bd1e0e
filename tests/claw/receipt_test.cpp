#include "claw/receipt.h"

#include "claw/legacy_receipt.h"
#include "claw/receipt_request.h"
#include "crypto/digest.h"
#include "crypto/key_forms.h"
#include "support/software_key.h"
#include "support/vectors.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using claw::GatewayReceipt;
using claw::LegacyReceipt;
using claw::ReceiptPayload;
using tests::SoftwareKey;
using tests::text_of;

namespace {

std::string bytes_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::optional<std::string> optional_text(const boost::json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value == nullptr ? std::nullopt : std::optional(std::string(value->get_string()));
}

/// The receipt clawproxy was asked for in a golden row, in our own terms.
GatewayReceipt golden_receipt(const claw::JsonValue& row) {
    const auto& input = row.get_object().at("input").get_object();
    const double now = row.get_object().at("now_ms").get_double();
    GatewayReceipt receipt;
    receipt.receipt_id = "rcpt_fixed";
    receipt.timestamp = UnixMillis(std::chrono::milliseconds(static_cast<std::int64_t>(now)));
    receipt.content.provider = *optional_text(input, "provider");
    receipt.content.model = optional_text(input, "model");
    receipt.content.request_hash_b64u = crypto::sha256_b64u(*optional_text(input, "requestBody"));
    receipt.content.response_hash_b64u = crypto::sha256_b64u(*optional_text(input, "responseBody"));
    receipt.content.latency_ms =
        static_cast<std::int64_t>(now - input.at("startTime").get_double());
    if (const auto* binding = input.if_contains("binding")) {
        const auto& object = binding->get_object();
        receipt.content.binding = claw::ReceiptBinding{optional_text(object, "runId"),
                                                       optional_text(object, "eventHash"),
                                                       optional_text(object, "nonce"),
                                                       optional_text(object, "policyHash"),
                                                       optional_text(object, "tokenScopeHashB64u"),
                                                       {},
                                                       std::nullopt,
                                                       std::nullopt};
    }
    return receipt;
}

claw::LegacyContent golden_legacy(const claw::JsonValue& row) {
    claw::LegacyContent legacy;
    if (const auto* payment = row.get_object().at("input").get_object().if_contains("payment")) {
        legacy.payment = claw::json_text(*payment);
    }
    return legacy;
}

}  // namespace

TEST_CASE("receipt: envelopes are clawproxy's own, byte for byte", "[claw]") {
    const SoftwareKey key = SoftwareKey::golden();
    for (const auto& row : tests::vector_rows("receipt_golden.json")) {
        INFO(text_of(row, "name"));
        const ReceiptPayload payload = ReceiptPayload::of(golden_receipt(row)).value();
        CHECK(payload.text() == text_of(row, "envelope_payload_bytes"));
        CHECK(payload.envelope(crypto::identity_of(key.public_key()),
                               key.sign(payload.input().bytes())) == text_of(row, "envelope_json"));
    }
}

TEST_CASE("receipt: legacy receipts are clawproxy's own, byte for byte", "[claw]") {
    const SoftwareKey key = SoftwareKey::golden();
    for (const auto& row : tests::vector_rows("receipt_golden.json")) {
        INFO(text_of(row, "name"));
        const LegacyReceipt legacy = LegacyReceipt::of(golden_receipt(row), golden_legacy(row),
                                                       crypto::kid(key.public_key()))
                                         .value();
        CHECK(bytes_text(legacy.input().bytes()) == text_of(row, "legacy_signing_bytes"));
        CHECK(legacy.text(key.sign(legacy.input().bytes())) ==
              claw::json_text(row.get_object().at("legacy")));
    }
}

TEST_CASE("receipt: requests of our own vectors give what an independent builder gave", "[claw]") {
    const SoftwareKey key = SoftwareKey::golden();
    for (const auto& row : tests::vector_rows("receipt_own.json")) {
        INFO(text_of(row, "name"));
        auto request =
            claw::parse_receipt_request(claw::json_text(row.get_object().at("request")), true);
        REQUIRE(request.ok());
        const GatewayReceipt receipt{*request->receipt_id, *request->timestamp, request->content};
        const ReceiptPayload payload = ReceiptPayload::of(receipt).value();
        CHECK(payload.text() == text_of(row, "payload_text"));
        CHECK(bytes_text(payload.input().bytes()) == text_of(row, "payload_hash_b64u"));
        CHECK(base::base64url_encode(key.sign(payload.input().bytes())) ==
              text_of(row, "signature_b64u"));

        const LegacyReceipt legacy =
            LegacyReceipt::of(receipt, *request->legacy, crypto::kid(key.public_key())).value();
        CHECK(bytes_text(legacy.input().bytes()) == text_of(row, "legacy_signed_text"));
        CHECK(base::base64url_encode(key.sign(legacy.input().bytes())) ==
              text_of(row, "legacy_signature_b64u"));
    }
}

TEST_CASE("receipt: a P-256 key's envelope says ES256 and names a zDn did", "[claw]") {
    const SoftwareKey key = SoftwareKey::random(crypto::Algorithm::p256);
    const auto row = tests::vector_rows("receipt_golden.json")[0];
    const ReceiptPayload payload = ReceiptPayload::of(golden_receipt(row)).value();
    const std::string envelope =
        payload.envelope(crypto::identity_of(key.public_key()), key.sign(payload.input().bytes()));
    CHECK_THAT(envelope, Catch::Contains(R"("algorithm":"ES256","signer_did":"did:key:zDn)"));
}
