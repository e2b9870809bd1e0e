#include "daemon/connection.h"

#include "claw/json.h"
#include "claw/receipt_verify.h"
#include "claw/token_verify.h"
#include "crypto/key_forms.h"
#include "support/http_exchange.h"
#include "support/software_appliance.h"

#include <catch2/catch.hpp>

#include <set>

using namespace clawsigner;
using daemon::Role;
using tests::ExchangeTerms;
using tests::kGoodReceipt;
using tests::SoftwareAppliance;

namespace {

std::string post(std::string_view target, std::string_view body, std::string_view headers = "") {
    return "POST " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" + std::string(headers) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string get(std::string_view target) {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

std::vector<tests::HttpReply> replies(const std::string& bytes, Role role = Role::proxy) {
    const SoftwareAppliance on;
    return tests::replies_in(tests::exchange(on.appliance, role, bytes));
}

tests::HttpReply only_reply(const std::string& bytes, Role role = Role::proxy) {
    const auto all = replies(bytes, role);
    REQUIRE(all.size() == 1);
    return all[0];
}

std::string id_of(const tests::HttpReply& reply) {
    const std::string name = "X-Request-Id: ";
    const std::size_t at = reply.head.find(name);
    REQUIRE(at != std::string::npos);
    return reply.head.substr(at + name.size(), 12);
}

std::string code_in(const tests::HttpReply& reply) {
    const auto document = claw::parse_json(reply.body, claw::JsonRules::door).value();
    return std::string(document.at("error").at("code").as_string());
}

}  // namespace

TEST_CASE("connection: a receipt goes in and a verifiable envelope comes out", "[daemon]") {
    const SoftwareAppliance on;
    const auto all = tests::replies_in(
        tests::exchange(on.appliance, Role::proxy, post("/v1/receipts", kGoodReceipt)));
    REQUIRE(all.size() == 1);
    CHECK(all[0].status == 200);
    CHECK_THAT(all[0].head, Catch::Contains("Content-Type: application/json"));
    CHECK_THAT(all[0].head, Catch::Contains("X-Request-Id: "));
    CHECK(claw::verify_receipt(all[0].body, {on.key()}).verdict.valid());
}

TEST_CASE("connection: pipelined requests are answered in order, each with an id of its own",
          "[daemon]") {
    std::string bytes;
    for (int i = 0; i < 50; ++i) {
        bytes += i % 2 == 0 ? post("/v1/receipts", kGoodReceipt) : get("/healthz");
    }
    const auto all = replies(bytes);
    REQUIRE(all.size() == 50);
    std::set<std::string> ids;
    for (std::size_t i = 0; i < all.size(); ++i) {
        CHECK(all[i].status == 200);
        CHECK((all[i].body == R"({"alive":true})") == (i % 2 != 0));
        ids.insert(id_of(all[i]));
    }
    CHECK(ids.size() == all.size());
}

TEST_CASE("connection: who pipelines does not keep the others of its thread waiting", "[daemon]") {
    const SoftwareAppliance on;
    std::string many;
    for (int i = 0; i < 100; ++i) {
        many += get("/healthz");
    }
    const auto greedy = tests::replies_in(
        tests::first_when_second_is_done(on.appliance, Role::proxy, many, get("/healthz")));
    CHECK_FALSE(greedy.empty());
    CHECK(greedy.size() < 10);
}

TEST_CASE("connection: a request that comes in pieces, whatever they are, is one request",
          "[daemon]") {
    const std::string request = post("/v1/receipts", kGoodReceipt);
    const SoftwareAppliance on;
    for (const std::size_t piece : {1U, 7U, 50U, 4'095U}) {
        ExchangeTerms terms;
        terms.piece = piece;
        const auto all =
            tests::replies_in(tests::exchange(on.appliance, Role::proxy, request + request, terms));
        INFO(piece);
        REQUIRE(all.size() == 2);
        CHECK(all[0].status == 200);
        CHECK(all[1].status == 200);
    }
}

TEST_CASE("connection: a body that is refused leaves the connection open for the next request",
          "[daemon]") {
    const auto all = replies(post("/v1/receipts", "{}") + post("/v1/receipts", kGoodReceipt));
    REQUIRE(all.size() == 2);
    CHECK(all[0].status == 400);
    CHECK(code_in(all[0]) == "INVALID_FIELD");
    CHECK(all[1].status == 200);
}

TEST_CASE("connection: what a socket does not offer does not exist on it", "[daemon]") {
    CHECK(only_reply(get("/v1/nothing")).status == 404);
    CHECK(only_reply(get("/v1/keys")).status == 404);
    CHECK(only_reply(post("/v1/receipts", kGoodReceipt), Role::admin).status == 404);
    CHECK(only_reply(get("/v1/jwks/")).status == 404);
    CHECK(only_reply(get("/v1/../v1/jwks")).status == 404);
    CHECK(only_reply(get("//v1/jwks")).status == 404);
    const auto reply = only_reply(get("/v1/receipts"));
    CHECK(reply.status == 405);
    CHECK_THAT(reply.head, Catch::Contains("Allow: POST"));
    CHECK(only_reply("DELETE /v1/jwks HTTP/1.1\r\nHost: x\r\n\r\n").status == 405);
}

TEST_CASE("connection: a query nobody asked for is refused", "[daemon]") {
    CHECK(only_reply(post("/v1/receipts?legacy=1", kGoodReceipt)).status == 200);
    CHECK(only_reply(post("/v1/receipts?legacy=2", kGoodReceipt)).status == 400);
    CHECK(only_reply(post("/v1/receipts?legacy=1&x=1", kGoodReceipt)).status == 400);
    CHECK(only_reply(get("/v1/jwks?x")).status == 400);
}

TEST_CASE("connection: bodies over the operation's limit are refused by their announced length",
          "[daemon]") {
    const std::string largest(65'536, ' ');
    CHECK(code_in(only_reply(post("/v1/receipts", largest))) == "MALFORMED_JSON");
    CHECK(code_in(only_reply(post("/v1/receipts", largest + " "))) == "TOO_LARGE");
    CHECK(code_in(only_reply(post("/v1/receipts/batch", std::string(4U << 20U, ' ')))) ==
          "MALFORMED_JSON");
    CHECK(only_reply(post("/v1/receipts/batch", std::string((4U << 20U) + 1, ' '))).status == 413);
    CHECK(only_reply("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx").status ==
          413);
}

TEST_CASE("connection: a chunked body is held to the same limit", "[daemon]") {
    const auto chunked = [](const std::string& body) {
        char size[20];
        std::snprintf(size, sizeof size, "%zx", body.size());
        return "POST /v1/receipts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
               std::string(size) + "\r\n" + body + "\r\n0\r\n\r\n";
    };
    CHECK(only_reply(chunked(kGoodReceipt)).status == 200);
    CHECK(only_reply(chunked(std::string(65'537, ' '))).status == 413);
}

TEST_CASE("connection: what is no HTTP/1.1 request is answered once and closed", "[daemon]") {
    for (const std::string& bytes :
         {std::string("nonsense\r\n\r\n"), std::string("GET /healthz HTTP/1.1\r\n\r\n"),
          std::string("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
          std::string("POST /v1/receipts HTTP/1.1\r\nHost: x\r\nContent-Length: "
                      "1\r\nContent-Length: 2\r\n\r\nab"),
          std::string("POST /v1/receipts HTTP/1.1\r\nHost: x\r\nContent-Length: "
                      "2\r\nTransfer-Encoding: chunked\r\n\r\nab"),
          std::string("POST /v1/receipts HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
          std::string("GET /healthz HTTP/1.1\nHost: x\n\n"), std::string("\0\0\0\0\r\n\r\n", 8)}) {
        INFO(bytes);
        const auto all = replies(bytes + get("/healthz"));
        REQUIRE(all.size() == 1);
        CHECK(all[0].status == 400);
        CHECK_THAT(all[0].head, Catch::Contains("Connection: close"));
    }
}

TEST_CASE("connection: a transfer coding that is not chunked is refused, not read as no body",
          "[daemon]") {
    const std::string coding =
        GENERATE("identity", "xchunked", "chunked, identity", "gzip, chunked", "\"chunked\"",
                 "chunked\r\nTransfer-Encoding: chunked");
    const auto reply =
        only_reply("POST /v1/receipts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + coding +
                   "\r\n\r\n" + get("/healthz"));
    CHECK(reply.status == 400);
    CHECK(code_in(reply) == "BAD_REQUEST");
}

TEST_CASE("connection: a caller whom the door does not know is told so, whatever it asks",
          "[daemon]") {
    const SoftwareAppliance on;
    const auto reply_to = [&](const std::string& bytes, uid_t user, std::vector<gid_t> groups) {
        tests::ExchangeTerms terms;
        terms.user = user;
        terms.groups = std::move(groups);
        return tests::replies_in(tests::exchange(on.appliance, Role::proxy, bytes, terms)).at(0);
    };
    for (const std::string& bytes :
         {get("/healthz"), post("/v1/receipts", kGoodReceipt), get("/x")}) {
        const auto reply = reply_to(bytes, 1001, {});
        CHECK(reply.status == 403);
        CHECK(code_in(reply) == "FORBIDDEN");
    }
    CHECK(reply_to(get("/healthz"), 1001, {2000}).status == 200);
    CHECK(reply_to(get("/healthz"), policy::kOverflowId, {2000}).status == 403);
}

TEST_CASE("connection: past the bound of requests the answer is to come back later", "[daemon]") {
    const SoftwareAppliance on;
    tests::ExchangeTerms terms;
    terms.bounds.request_bytes = 200;
    const auto all = tests::replies_in(tests::exchange(
        on.appliance, Role::proxy, get("/healthz") + post("/v1/receipts", kGoodReceipt), terms));
    REQUIRE(all.size() == 2);
    CHECK(all[0].status == 200);
    CHECK(all[1].status == 503);
    CHECK(code_in(all[1]) == "QUEUE_FULL");
    CHECK_THAT(all[1].head, Catch::Contains("Retry-After: 1"));
}

TEST_CASE("connection: chunk extensions and trailers without end are cut off", "[daemon]") {
    const std::string start =
        "POST /v1/receipts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const std::string& endless : {std::string("1;a="), std::string("0\r\nA: ")}) {
        const auto reply = only_reply(start + endless + std::string(400'000, 'x'));
        CHECK(reply.status == 413);
        CHECK(code_in(reply) == "TOO_LARGE");
    }
}

TEST_CASE("connection: a request that does not arrive in time is told so", "[daemon]") {
    const SoftwareAppliance on;
    tests::ExchangeTerms terms;
    terms.half_close = false;
    terms.limits.request = std::chrono::milliseconds(30);
    const std::string whole = post("/v1/receipts", kGoodReceipt);
    for (const std::size_t sent : {std::size_t{1}, std::size_t{20}, whole.size() - 1}) {
        const auto all = tests::replies_in(
            tests::exchange(on.appliance, Role::proxy, whole.substr(0, sent), terms));
        REQUIRE(all.size() == 1);
        CHECK(all[0].status == 408);
        CHECK(code_in(all[0]) == "TIMEOUT");
    }
}

TEST_CASE("connection: a client that stays silent is let go without a word", "[daemon]") {
    const SoftwareAppliance on;
    tests::ExchangeTerms terms;
    terms.half_close = false;
    terms.limits.idle = std::chrono::milliseconds(30);
    CHECK(tests::exchange(on.appliance, Role::proxy, "", terms).empty());
    CHECK(tests::replies_in(tests::exchange(on.appliance, Role::proxy, get("/healthz"), terms))
              .size() == 1);
}

TEST_CASE("connection: an answer to HEAD has no body", "[daemon]") {
    const std::string bytes = tests::exchange(SoftwareAppliance().appliance, Role::proxy,
                                              "HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK_THAT(bytes, Catch::StartsWith("HTTP/1.1 405 "));
    CHECK_THAT(bytes, Catch::EndsWith("\r\n\r\n"));
}

TEST_CASE("connection: a header without end is cut off", "[daemon]") {
    const auto reply = only_reply(
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n");
    CHECK(reply.status == 413);
}

TEST_CASE("connection: a client that leaves in the middle gets nothing and harms nothing",
          "[daemon]") {
    CHECK(replies("").empty());
    CHECK(replies("POST /v1/rec").empty());
    const std::string whole = post("/v1/receipts", kGoodReceipt);
    CHECK(replies(whole.substr(0, whole.size() - 1)).empty());
}

TEST_CASE("connection: a client that waits to be told goes on is told", "[daemon]") {
    const auto all = replies(post("/v1/receipts", kGoodReceipt, "Expect: 100-continue\r\n"));
    REQUIRE(all.size() == 2);
    CHECK(all[0].status == 100);
    CHECK(all[1].status == 200);
}

TEST_CASE("connection: an HTTP/1.0 client is answered and let go", "[daemon]") {
    const auto reply = only_reply("GET /healthz HTTP/1.0\r\n\r\n");
    CHECK(reply.status == 200);
}

TEST_CASE("connection: a batch comes back whole and in order", "[daemon]") {
    const SoftwareAppliance on;
    std::string body = R"({"receipts":[)";
    for (int i = 0; i < 100; ++i) {
        body += (i > 0 ? "," : "") + (i % 10 == 3 ? std::string("{}") : kGoodReceipt);
    }
    const auto all = tests::replies_in(
        tests::exchange(on.appliance, Role::proxy, post("/v1/receipts/batch", body + "]}")));
    REQUIRE(all.size() == 1);
    const auto document = claw::parse_json(all[0].body, claw::JsonRules::door).value();
    const auto& results = document.at("results").as_array();
    REQUIRE(results.size() == 100);
    for (std::size_t i = 0; i < results.size(); ++i) {
        CHECK(results[i].as_object().contains(i % 10 == 3 ? "error" : "envelope"));
    }
}

TEST_CASE("issuer connection: a token goes out, and speaks of its own key", "[daemon]") {
    const SoftwareAppliance on;
    const auto all = tests::replies_in(tests::exchange(
        on.appliance, Role::issuer,
        post("/v1/tokens", R"({"claims":{"sub":"did:key:zA","aud":"x","scope":["s"]}})") +
            get("/v1/did") + get("/v1/jwks")));
    REQUIRE(all.size() == 3);
    CHECK(claw::verify_token(all[0].body, {{on.token_key()}, on.clock.now(), std::nullopt})
              .verdict.valid());
    CHECK_THAT(all[1].body, Catch::Contains(crypto::kid(on.token_key())));
    CHECK_THAT(all[2].body, Catch::Contains(crypto::kid(on.token_key())));
    CHECK_THAT(all[2].body, !Catch::Contains(crypto::kid(on.key())));
}

TEST_CASE("admin connection: lists keys, tells the status and refuses what is no key request",
          "[daemon]") {
    CHECK(only_reply(get("/v1/keys"), Role::admin).status == 200);
    CHECK(only_reply(get("/v1/status"), Role::admin).status == 200);
    CHECK(only_reply(post("/v1/keys", R"({"family":"gateway_receipt"})"), Role::admin).status ==
          409);
    for (const char* body :
         {"", "{}", R"({"family":"root"})", R"({"family":"gateway_receipt","algorithm":"rsa"})",
          R"({"family":"gateway_receipt","exportable":true})"}) {
        CHECK(only_reply(post("/v1/keys", body), Role::admin).status == 400);
    }
}
