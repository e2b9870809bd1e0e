#include "policy/act_request.h"

#include "support/act_request.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using namespace std::chrono_literals;
using policy::ActRequest;
using tests::act_request;
using tests::kRequested;

namespace {

const std::string kFingerprint = "SHA256:nkKox97JSkh4bg9qBXYlyO8tfPlonUVcOrwsr3Yfceg";

std::string refusal_of_text(std::string_view text) {
    const auto request = policy::parse_request(text);
    return request.ok() ? "" : request.error().message;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    const std::size_t at = text.find(what);
    REQUIRE(at != std::string::npos);
    return text.replace(at, what.size(), with);
}

/// The member that is at fault when this is done to a good request.
template <class Change>
std::string fault_of(Change change) {
    ActRequest request = act_request();
    change(request);
    const Status checked = policy::check_request(request);
    return checked.ok() ? "" : checked.error().field.empty() ? "?" : checked.error().field;
}

}  // namespace

TEST_CASE("act request: what is approved is a digest that anybody can make again", "[policy]") {
    const ActRequest request = act_request();
    CHECK(policy::approval_text(request) ==
          R"({"act":"keys.destroy","arguments":{"family":"cst","version":3},)"
          R"("created":"2026-03-01T12:00:00.000Z","expires":"2026-03-01T13:00:00.000Z",)"
          R"("id":"4f6c1a9e-3f0b-4a53-9c7e-0d6a5a3f1b2c","origin":"log.example.com/1",)"
          R"("requester":{"role":"admin","uid":1000},"v":1,"why":"its disk was sold"})");
    // printf %s TEXT | openssl dgst -sha256 -binary | basenc --base64url
    CHECK(policy::approval_message(request) == "D2BVYrKtKn2RMnmXw_sCoh6SwNdYcfYxtOCFPpGRr3s");
}

TEST_CASE("act request: whatever is changed, the digest is another; approvals are no part of it",
          "[policy]") {
    const ActRequest request = act_request();
    std::vector<ActRequest> others(9, request);
    others[0].id += "x";
    others[1].act = "keys.create";
    others[2].arguments = R"({"family":"cst","version":4})";
    others[3].log_origin = "log.example.com/2";
    others[4].created += 1ms;
    others[5].expires += 1ms;
    others[6].requester.uid = 1001;
    others[7].requester.role = "issuer";
    others[8].why += ".";
    for (const ActRequest& other : others) {
        CHECK(policy::approval_message(other) != policy::approval_message(request));
    }
    ActRequest approved = request;
    approved.approvals.push_back({"alice", kFingerprint, kRequested});
    CHECK(policy::approval_message(approved) == policy::approval_message(request));
}

TEST_CASE("act request: its text gives it back", "[policy]") {
    ActRequest request = act_request();
    CHECK(policy::parse_request(policy::request_text(request)).value() == request);
    request.why = "\"quoted\", with a \\ and caf\u00e9";
    request.arguments = R"({"a":[1,{"b":null}],"caf\"":"\n","e":1e+21})";
    request.approvals.push_back({"bob", kFingerprint, kRequested + 2s});
    request.approvals.push_back({"alice", kFingerprint, kRequested + 1s});
    const std::string text = policy::request_text(request);
    CHECK_THAT(text, Catch::Contains(R"("approvals":[{"at":"2026-03-01T12:00:02.000Z",)"
                                     R"("fingerprint":")" +
                                     kFingerprint + R"(","principal":"bob"},{)"));
    CHECK(policy::parse_request(text).value() == request);
    CHECK(policy::check_request(request).ok());
}

TEST_CASE("act request: no other text is one", "[policy]") {
    ActRequest request = act_request();
    request.approvals.push_back({"alice", kFingerprint, kRequested});
    const std::string good = policy::request_text(request);
    REQUIRE(refusal_of_text(good).empty());
    for (const std::string& bad :
         {good + "\n",
          replaced(good, "\"v\":1", "\"v\":2"),
          replaced(good, ",\"v\":1", ""),
          replaced(good, "{\"family\"", "{ \"family\""),
          replaced(good, "{\"family\":\"cst\",\"version\":3}",
                   "{\"version\":3,\"family\":\"cst\"}"),
          replaced(good, "{\"family\":\"cst\",\"version\":3}", "[]"),
          replaced(good, "\"version\":3", "\"0\":3"),
          replaced(good, "\"version\":3", "\"version\":3.0"),
          replaced(good, "13:00:00.000", "12:00:00.000"),
          replaced(good, "13:00:00.000", "25:00:00.000"),
          replaced(good, "\"uid\":1000", "\"uid\":-1"),
          replaced(good, "\"uid\":1000", "\"uid\":4294967296"),
          replaced(good, "\"uid\":1000", "\"uid\":1000,\"x\":1"),
          replaced(good, "its disk was sold", " "),
          replaced(good, "\"alice\"", "\"al ice\""),
          replaced(good, "SHA256:", "SHA512:"),
          replaced(good, "\"approvals\":[{", "\"approvals\":[1,{"),
          replaced(good, "\"principal\":\"alice\"", "\"principal\":\"alice\",\"x\":1"),
          replaced(good, "\"act\":", "\"Act\":"),
          std::string("{}"),
          std::string("[]"),
          std::string(),
          std::string(65'536, ' ')}) {
        INFO(bad);
        CHECK_FALSE(refusal_of_text(bad).empty());
    }
}

TEST_CASE("act request: every member has its bounds", "[policy]") {
    CHECK(fault_of([](ActRequest&) {}).empty());
    CHECK(fault_of([](ActRequest& r) { r.id.clear(); }) == "id");
    CHECK(fault_of([](ActRequest& r) { r.id.assign(65, 'i'); }) == "id");
    CHECK(fault_of([](ActRequest& r) { r.act = "a\nb"; }) == "act");
    CHECK(fault_of([](ActRequest& r) { r.act.assign(129, 'a'); }) == "act");
    CHECK(fault_of([](ActRequest& r) { r.log_origin.assign(257, 'o'); }) == "origin");
    CHECK(fault_of([](ActRequest& r) { r.requester.role.clear(); }) == "requester.role");
    CHECK(fault_of([](ActRequest& r) { r.why = " \u00a0"; }) == "why");
    CHECK(fault_of([](ActRequest& r) { r.why = "\xff"; }) == "why");
    CHECK(fault_of([](ActRequest& r) { r.why.assign(1025, 'w'); }) == "why");
    CHECK(fault_of([](ActRequest& r) { r.expires = r.created; }) == "expires");
    CHECK(fault_of([](ActRequest& r) { r.expires = UnixMillis(300'000'000'000s); }) == "expires");
    CHECK(fault_of([](ActRequest& r) { r.created = UnixMillis(-100'000'000'000s); }) == "created");
}

TEST_CASE("act request: the arguments are the canonical JSON of an object", "[policy]") {
    for (const std::string& bad :
         {std::string(), std::string("[]"), std::string("1"), std::string("{} "), std::string("{"),
          std::string(R"({"b":1,"a":2})"), std::string(R"({"a":1,"a":2})"),
          std::string(R"({"a":1.0})"), std::string(R"({"a":9007199254740993})"),
          std::string(R"({"7":1})"), std::string(R"({},"why":"another"})"),
          "{\"a\":\"" + std::string(31'993, 'a') + "\"}"}) {
        INFO(bad);
        CHECK_FALSE(fault_of([&](ActRequest& r) { r.arguments = bad; }).empty());
    }
    CHECK(fault_of([](ActRequest& r) { r.arguments = "{}"; }).empty());
    CHECK(fault_of([](ActRequest& r) {
              r.arguments = "{\"a\":\"" + std::string(31'992, 'a') + "\"}";
          }).empty());
}

TEST_CASE("act request: approvals have each a principal of their own, and a key's fingerprint",
          "[policy]") {
    const auto with = [](std::string principal, std::string fingerprint) {
        return fault_of([&](ActRequest& r) {
            r.approvals.push_back({"alice", kFingerprint, kRequested});
            r.approvals.push_back({std::move(principal), std::move(fingerprint), kRequested});
        });
    };
    CHECK(with("bob", kFingerprint).empty());
    CHECK(with("alice", kFingerprint) == "approvals");
    CHECK(with("", kFingerprint) == "approvals");
    CHECK(with("bob", "") == "approvals");
    CHECK(with("bob", kFingerprint.substr(0, 49) + "=") == "approvals");
    CHECK(with("bob", kFingerprint.substr(0, 49) + "h") == "approvals");  // spare bits
    CHECK(with("bob", kFingerprint + "A") == "approvals");
    const auto so_many = [](int count) {
        return fault_of([&](ActRequest& r) {
            for (int i = 0; i < count; ++i) {
                r.approvals.push_back({"p" + std::to_string(i), kFingerprint, kRequested});
            }
        });
    };
    CHECK(so_many(64).empty());
    CHECK(so_many(65) == "approvals");
}

TEST_CASE("act request: the largest one fits into a leaf", "[policy]") {
    ActRequest request = act_request();
    request.id.assign(64, '"');
    request.act.assign(128, '"');
    request.arguments = "{\"a\":\"" + std::string(31'992, 'a') + "\"}";
    request.log_origin.assign(256, '\\');
    request.requester = {std::string(64, '"'), UINT32_MAX};
    request.why.assign(1024, '"');
    for (int i = 0; i < 64; ++i) {
        request.approvals.push_back(
            {std::string(126, 'p') + std::to_string(10 + i), kFingerprint, kRequested});
    }
    REQUIRE(policy::check_request(request).ok());
    const std::string text = policy::request_text(request);
    CHECK(text.size() < claw::kMaxLeafBytes - 8192);
    CHECK(policy::parse_request(text).value() == request);
}
