#include "claw/receipt_request.h"

#include <catch2/catch.hpp>

using namespace clawsigner;

namespace {

constexpr std::string_view kHash = "RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o";

/// A good request as a text, with `changes` put in place of (or beside) its members.
std::string request_with(const std::vector<std::pair<std::string, std::string>>& changes) {
    std::vector<std::pair<std::string, std::string>> members{
        {"provider", "\"openai\""},
        {"model", "\"gpt\""},
        {"request_hash_b64u", "\"" + std::string(kHash) + "\""},
        {"response_hash_b64u", "\"" + std::string(kHash) + "\""},
        {"tokens_input", "1"},
        {"tokens_output", "2"},
        {"latency_ms", "3"},
    };
    for (const auto& change : changes) {
        const auto same = std::find_if(members.begin(), members.end(), [&](const auto& member) {
            return member.first == change.first;
        });
        if (same != members.end()) {
            *same = change;
        } else {
            members.push_back(change);
        }
    }
    std::string text = "{";
    for (const auto& [name, value] : members) {
        if (!value.empty()) {
            text += (text.size() > 1 ? ",\"" : "\"") + name + "\":" + value;
        }
    }
    return text + "}";
}

std::string refusal(const std::string& body, bool legacy = false) {
    const auto request = claw::parse_receipt_request(body, legacy);
    return request.ok() ? "accepted" : request.error().message;
}

std::string field(const std::string& body, bool legacy = false) {
    const auto request = claw::parse_receipt_request(body, legacy);
    return request.ok() ? "accepted" : request.error().field;
}

}  // namespace

TEST_CASE("receipt request: the least and the most it may say", "[claw]") {
    CHECK(refusal(request_with({})) == "accepted");
    CHECK(refusal(request_with({{"model", ""}})) == "accepted");
    CHECK(refusal(request_with({{"receipt_version", "\"1\""},
                                {"gateway_id", "\"did:web:clawproxy.com\""}})) == "accepted");
    CHECK(refusal(request_with({{"tokens_input", "10000000"},
                                {"tokens_output", "1e7"},
                                {"latency_ms", "3600000.0"}})) == "accepted");
    CHECK(refusal(request_with({{"request_hash_b64u", "\"abcdefgh\""},
                                {"receipt_id", "\"rcpt_a-1.b_2\""}})) == "accepted");
}

TEST_CASE("receipt request: each bad member is refused by its name", "[claw]") {
    const auto [name, value] = GENERATE(table<std::string, std::string>({
        {"provider", ""},
        {"provider", "\"\""},
        {"provider", "\" \\u00a0\\ufeff\\t\""},
        {"provider", "1"},
        {"provider", "null"},
        {"model", "\"\""},
        {"model", "null"},
        {"model", "\"   \""},
        {"request_hash_b64u", ""},
        {"request_hash_b64u", "\"abcdefg\""},
        {"request_hash_b64u", "\"RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4p\""},
        {"request_hash_b64u", "\"RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o\""},
        {"response_hash_b64u", "\"RBNvo1WzZ4oRRq0W9-hknpT7T8If536DEMBg9hyq_4o=\""},
        {"response_hash_b64u", "[]"},
        {"tokens_input", ""},
        {"tokens_input", "10000001"},
        {"tokens_input", "-1"},
        {"tokens_input", "1.5"},
        {"tokens_output", "\"1\""},
        {"tokens_output", "true"},
        {"latency_ms", "3600001"},
        {"latency_ms", "-1"},
        {"latency_ms", "0.5"},
        {"timestamp", "\"yesterday\""},
        {"timestamp", "1767225600123"},
        {"timestamp", "\"2026-02-30T00:00:00.000Z\""},
        {"receipt_id", "\"rcpt_\""},
        {"receipt_id", "\"receipt_1\""},
        {"receipt_id", "\"rcpt_a b\""},
        {"receipt_version", "\"2\""},
        {"gateway_id", "\"did:web:example.com\""},
        {"binding", "null"},
        {"binding", "[]"},
        {"metadata", "null"},
        {"metadata", "\"x\""},
        {"payment", "{\"mode\":\"user\",\"paid\":false}"},
        {"privacyMode", "\"hash_only\""},
        {"signature_b64u", "\"x\""},
    }));
    INFO(name << " = " << value);
    CHECK(field(request_with({{name, value}})) == name);
}

TEST_CASE("receipt request: each bad binding member is refused by its path", "[claw]") {
    const auto [name, value] = GENERATE(table<std::string, std::string>({
        {"run_id", "\"\""},
        {"run_id", "\"\\u2028\""},
        {"event_hash_b64u", "\"short\""},
        {"event_hash_b64u", "\"abcdefgh=\""},
        {"nonce", "1"},
        {"policy_hash", "\" \""},
        {"token_scope_hash_b64u", "\"abcdefg!\""},
        {"span_id", "\"\""},
        {"toolSpanId", "7"},
        {"phase", "\"thinking\""},
        {"phase", "null"},
        {"attribution_confidence", "1.1"},
        {"attribution_confidence", "\"1\""},
        {"runId", "\"r\""},
    }));
    INFO(name << " = " << value);
    CHECK(field(request_with({{"binding", "{\"" + name + "\":" + value + "}"}})) ==
          "binding." + name);
}

TEST_CASE("receipt request: one span may not be named twice", "[claw]") {
    CHECK(field(request_with({{"binding", R"({"span_id":"a","spanId":"a"})"}})) ==
          "binding.spanId");
}

TEST_CASE("receipt request: metadata is free but bounded and unambiguous", "[claw]") {
    CHECK(refusal(request_with({{"metadata", R"({"any":[{"thing":null}],"":0})"}})) == "accepted");
    CHECK(field(request_with({{"metadata", R"({"a":{"0":1}})"}})) == "metadata.a.0");
    CHECK(field(request_with({{"metadata", R"({"a":1,"a":1})"}})) == "metadata.a");
    CHECK(field(request_with({{"metadata", R"({"a":9007199254740993})"}})) == "metadata.a");
    const auto of_size = [](std::size_t size) {  // {"a":"…"} prints 8 bytes around the text
        return "{\"a\":\"" + std::string(size - 8, 'x') + "\"}";
    };
    CHECK(refusal(request_with({{"metadata", of_size(16384)}})) == "accepted");
    CHECK(field(request_with({{"metadata", of_size(16385)}})) == "metadata");
}

TEST_CASE("receipt request: legacy members are read only when the legacy receipt is wanted",
          "[claw]") {
    const std::string paid =
        R"({"mode":"platform","paid":true,"ledgerRef":"l","accountBinding":{},"fundingCheck":"f"})";
    CHECK(refusal(request_with({{"payment", paid}, {"privacyMode", "\"encrypted\""}}), true) ==
          "accepted");
    CHECK(field(request_with({{"payment", R"({"mode":"user","paid":true})"}}), true) ==
          "payment.paid");
    CHECK(field(request_with({{"payment", R"({"mode":"user","paid":false,"ledgerRef":"l"})"}}),
                true) == "payment.ledgerRef");
    CHECK(field(request_with({{"payment", R"({"mode":"platform","paid":true})"}}), true) ==
          "payment.ledgerRef");
    CHECK(field(request_with({{"payment", R"({"paid":false})"}}), true) == "payment.mode");
    CHECK(field(request_with({{"payment", R"({"mode":"barter","paid":false})"}}), true) ==
          "payment.mode");
    CHECK(field(request_with({{"privacyMode", "\"open\""}}), true) == "privacyMode");
    const std::string blob =
        R"({"algorithm":"AES-256-GCM","iv":"AAAA","ciphertext":"AAAA","tag":"AAAA"})";
    CHECK(field(request_with({{"encryptedRequest", blob}}), true) == "privacyMode");
    CHECK(field(request_with({{"privacyMode", "\"encrypted\""},
                              {"encryptedRequest", R"({"algorithm":"none"})"}}),
                true) == "encryptedRequest.algorithm");
}

TEST_CASE("receipt request: what is no object, or not JSON, is refused", "[claw]") {
    CHECK(refusal("[]") == "the body must be an object");
    CHECK(refusal("null") == "the body must be an object");
    CHECK(claw::parse_receipt_request("{", false).error().code == ErrorCode::malformed_json);
    CHECK_THAT(refusal(request_with({}) + "{}"), Catch::Contains("trailing bytes"));
}
