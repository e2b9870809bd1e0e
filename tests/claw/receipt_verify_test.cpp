#include "claw/receipt_verify.h"

#include "claw/legacy_receipt.h"
#include "claw/receipt.h"
#include "crypto/key_forms.h"
#include "support/software_key.h"
#include "support/vectors.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using claw::VerdictCode;
using tests::SoftwareKey;
using tests::text_of;

namespace {

std::string golden_envelope(std::size_t row = 1) {
    return text_of(tests::vector_rows("receipt_golden.json")[row], "envelope_json");
}

std::string golden_answer() {
    const auto row = tests::vector_rows("receipt_golden.json")[1];
    return R"({"envelope":)" + text_of(row, "envelope_json") + R"(,"legacy":)" +
           claw::json_text(row.get_object().at("legacy")) + "}";
}

claw::Verdict verdict(const std::string& text) {
    return claw::verify_receipt(text, {SoftwareKey::golden().public_key()}).verdict;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

std::string code(const std::string& text) {
    return std::string(claw::verdict_name(verdict(text).code));
}

}  // namespace

TEST_CASE("verify receipt: the golden receipts are valid, alone and in an answer", "[claw]") {
    for (std::size_t row = 0; row < 3; ++row) {
        CHECK(code(golden_envelope(row)) == "VALID");
        CHECK(code("{\"envelope\":" + golden_envelope(row) + "}") == "VALID");
    }
    CHECK(code(golden_answer()) == "VALID");
}

TEST_CASE("verify receipt: says what a valid receipt says", "[claw]") {
    const auto result = claw::verify_receipt(golden_answer(), {SoftwareKey::golden().public_key()});
    REQUIRE(result.summary.has_value());
    CHECK(result.summary->receipt_id == "rcpt_fixed");
    CHECK(result.summary->provider == "anthropic");
    CHECK(result.summary->model == "claude-test");
    CHECK(result.summary->timestamp == "2026-01-01T00:00:00.123Z");
    CHECK(result.summary->with_legacy);
}

TEST_CASE("verify receipt: each fault has the ecosystem's code", "[claw]") {
    const std::string good = golden_envelope();
    const auto [from, to, expected] = GENERATE(table<std::string, std::string, std::string>({
        {R"("envelope_version":"1")", R"("envelope_version":"2")", "UNKNOWN_ENVELOPE_VERSION"},
        {R"("envelope_type":"gateway_receipt")", R"("envelope_type":"proof_bundle")",
         "UNKNOWN_ENVELOPE_TYPE"},
        {R"("algorithm":"Ed25519")", R"("algorithm":"none")", "UNKNOWN_ALGORITHM"},
        {R"("algorithm":"Ed25519")", R"("algorithm":"ES256")", "UNKNOWN_ALGORITHM"},
        {R"("hash_algorithm":"SHA-256")", R"("hash_algorithm":"BLAKE3")", "UNKNOWN_HASH_ALGORITHM"},
        {R"("latency_ms":1234)", R"("latency_ms":-1)", "SCHEMA_VALIDATION_FAILED"},
        {R"("latency_ms":1234)", R"("latency_ms":1235)", "HASH_MISMATCH"},
        {R"("provider":"anthropic","model":"claude-test")",
         R"("model":"claude-test","provider":"anthropic")", "HASH_MISMATCH"},
        {R"("nonce":"n-1")", R"("nonce":"")", "SCHEMA_VALIDATION_FAILED"},
        {R"("issued_at":"2026-01-01T00:00:00.123Z")", R"("issued_at":"2026-01-01T00:00:00.124Z")",
         "MALFORMED_ENVELOPE"},
        {R"("issued_at":)", R"("expires_at":"2027-01-01T00:00:00.000Z","issued_at":)",
         "SCHEMA_VALIDATION_FAILED"},
        {"did:key:z6Mk", "did:key:z6Mj", "INVALID_DID_FORMAT"},
        {"did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw",
         "did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH", "CLAIM_NOT_FOUND"},
        {"Sa10-LCL", "Sa10-LCM", "SIGNATURE_INVALID"},
        {"RIHuVtO6uZelUUCvY5Dw", "RIHuVtO6uZelUUCvY5Dx", "SCHEMA_VALIDATION_FAILED"},
        {"0t36jMMQ", "0t36jMMR", "HASH_MISMATCH"},
    }));
    INFO(from << " -> " << to);
    // The last fault's spelling is bent in the signature's final character: spare bits.
    const std::string bent = good.find(from) == std::string::npos ? replaced(good, "Y5Dw", "Y5Dx")
                                                                  : replaced(good, from, to);
    CHECK(code(bent) == expected);
}

TEST_CASE("verify receipt: without a trusted signer nothing is valid", "[claw]") {
    CHECK(claw::verify_receipt(golden_envelope(), {}).verdict.code ==
          VerdictCode::dependency_not_configured);
}

TEST_CASE("verify receipt: doubled members and trailing bytes make it malformed", "[claw]") {
    const std::string good = golden_envelope();
    CHECK(code(replaced(good, R"("issued_at":)", R"("issued_at":"x","issued_at":)")) ==
          "MALFORMED_ENVELOPE");
    CHECK(code(good + "x") == "MALFORMED_ENVELOPE");
    CHECK(code("[]") == "MALFORMED_ENVELOPE");
    CHECK(code("{}") == "MALFORMED_ENVELOPE");
    CHECK(code(R"({"envelope":{}})") == "UNKNOWN_ENVELOPE_VERSION");
    CHECK(code(R"({"envelope":[]})") == "MALFORMED_ENVELOPE");
    CHECK(code("{\"envelope\":" + good + ",\"extra\":1}") == "MALFORMED_ENVELOPE");
}

TEST_CASE("verify receipt: a legacy receipt that does not hold spoils the answer", "[claw]") {
    const std::string good = golden_answer();
    const auto bent = [&](const std::string& from, const std::string& to) {
        const auto at = good.find("\"legacy\":");
        return code(good.substr(0, at) + replaced(good.substr(at), from, to));
    };
    CHECK(bent("\"runId\":\"run_1\"", "\"runId\":\"run_2\"") == "SCHEMA_VALIDATION_FAILED");
    CHECK(bent("\"latencyMs\":1234", "\"latencyMs\":1235") == "SCHEMA_VALIDATION_FAILED");
    CHECK(bent("21fe31dfa154a261", "21fe31dfa154a262") == "CLAIM_NOT_FOUND");
    CHECK(bent("\"privacyMode\":", "\"privacy\":") == "SCHEMA_VALIDATION_FAILED");
    CHECK(bent("\"signature\":\"t", "\"signature\":\"u") == "SIGNATURE_INVALID");
}

TEST_CASE(
    "verify receipt: two receipts of one signer that speak of different calls do not make one",
    "[claw]") {
    // Each half is genuine; only model or binding tells that they do not belong together.
    const SoftwareKey key = SoftwareKey::golden();
    const auto signer = crypto::identity_of(key.public_key());
    const auto halves = [&](const std::string& model, const std::string& run) {
        claw::GatewayReceipt receipt;
        receipt.receipt_id = "rcpt_x";
        receipt.timestamp = UnixMillis(std::chrono::milliseconds(1767225600123));
        receipt.content.provider = "p";
        receipt.content.model = model;
        receipt.content.request_hash_b64u = receipt.content.response_hash_b64u =
            "RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o";
        receipt.content.binding = claw::ReceiptBinding();
        receipt.content.binding->run_id = run;
        const auto payload = claw::ReceiptPayload::of(receipt).value();
        const auto legacy = claw::LegacyReceipt::of(receipt, {}, signer.kid).value();
        return std::pair(payload.envelope(signer, key.sign(payload.input().bytes())),
                         legacy.text(key.sign(legacy.input().bytes())));
    };
    const auto joined = [](const std::string& envelope, const std::string& legacy) {
        return R"({"envelope":)" + envelope + R"(,"legacy":)" + legacy + "}";
    };
    const auto one = halves("m", "run_1");
    CHECK(code(joined(one.first, one.second)) == "VALID");
    CHECK(code(joined(one.first, halves("m2", "run_1").second)) == "SCHEMA_VALIDATION_FAILED");
    CHECK(code(joined(one.first, halves("m", "run_2").second)) == "SCHEMA_VALIDATION_FAILED");
}

TEST_CASE("verify receipt: metadata of another builder is read as JavaScript reads it", "[claw]") {
    // Index-like names and inexact integers are refused at our door, but a receipt from elsewhere
    // may hold them.
    const SoftwareKey key = SoftwareKey::golden();
    const std::string hash = "RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o";
    const std::string start =
        R"({"receipt_version":"1","receipt_id":"rcpt_x","gateway_id":"did:web:clawproxy.com","provider":"p","model":"m",)"
        R"("request_hash_b64u":")" +
        hash + R"(","response_hash_b64u":")" + hash +
        R"(","tokens_input":0,"tokens_output":0,"latency_ms":0,"timestamp":"2026-01-01T00:00:00.123Z","metadata":)";
    claw::GatewayReceipt receipt;
    receipt.receipt_id = "rcpt_x";
    receipt.timestamp = UnixMillis(std::chrono::milliseconds(1767225600123));
    receipt.content.provider = "p";
    receipt.content.model = "m";
    receipt.content.request_hash_b64u = receipt.content.response_hash_b64u = hash;
    receipt.content.metadata = R"({"1":9007199254740992,"b":0})";  // as JavaScript hashes it
    const auto payload = claw::ReceiptPayload::of(receipt).value();
    const std::string envelope =
        payload.envelope(crypto::identity_of(key.public_key()), key.sign(payload.input().bytes()));
    CHECK(code(envelope) == "VALID");
    CHECK(code(replaced(envelope, R"({"1":9007199254740992,"b":0})",
                        R"({"b":0,"1":9007199254740993})")) == "VALID");
    CHECK(code(replaced(envelope, R"({"1":9007199254740992,"b":0})",
                        R"({"b":0,"1":9007199254740995})")) == "HASH_MISMATCH");
}
