#include "policy/operators.h"

#include "support/ssh_signer.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using namespace std::chrono_literals;
using crypto::SshKeyType;
using policy::Operator;
using policy::Operators;
using tests::SshSigner;

namespace {

Operator person(std::string principal, SshKeyType type = SshKeyType::ed25519) {
    return {std::move(principal), SshSigner(type).key(), std::nullopt, std::nullopt, {}};
}

std::string refusal(std::vector<Operator> people, std::uint32_t quorum = 1) {
    const auto operators = Operators::of(std::move(people), quorum);
    return operators.ok() ? "" : operators.error().message;
}

std::string refusal_of_text(std::string_view text) {
    const auto operators = policy::parse_operators(text);
    return operators.ok() ? "" : operators.error().message;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    const std::size_t at = text.find(what);
    REQUIRE(at != std::string::npos);
    return text.replace(at, what.size(), with);
}

}  // namespace

TEST_CASE("operators: the quorum is some of them, and not of those who cannot approve",
          "[policy]") {
    Operator git = person("git-only");
    git.namespaces = {"git"};
    const std::vector<Operator> three{person("alice"), person("bob"), git};
    CHECK(refusal(three, 1).empty());
    CHECK(refusal(three, 2).empty());
    CHECK_THAT(refusal(three, 0), Catch::Contains("quorum"));
    CHECK_THAT(refusal(three, 3), Catch::Contains("from 1 to the 2 operators"));
    CHECK_THAT(refusal({git}, 1), Catch::Contains("quorum"));
    CHECK_THAT(refusal({}, 1), Catch::Contains("quorum"));
}

TEST_CASE("operators: nobody stands there twice, not even by another name or type of key",
          "[policy]") {
    const Operator alice = person("alice");
    Operator same_key = alice;
    same_key.principal = "bob";
    CHECK_THAT(refusal({alice, person("alice")}), Catch::Contains("an operator already"));
    CHECK_THAT(refusal({alice, same_key}), Catch::Contains("key of another operator"));
    Bytes device_blob =
        base::base64_decode("AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIA==").value();
    const ByteView raw = alice.key.public_key().raw();
    device_blob.insert(device_blob.end(), raw.begin(), raw.end());
    for (const char c : std::string_view("\0\0\0\4ssh:", 8)) {
        device_blob.push_back(static_cast<std::uint8_t>(c));
    }
    same_key.key = crypto::SshPublicKey::from_blob(device_blob).value();
    CHECK_THAT(refusal({alice, same_key}), Catch::Contains("key of another operator"));
}

TEST_CASE("operators: values that no file could have given are refused", "[policy]") {
    Operator odd = person("alice");
    odd.principal = "al ice";
    CHECK_FALSE(refusal({odd}).empty());
    odd = person("alice");
    odd.namespaces = {"a*"};
    CHECK_FALSE(refusal({odd}).empty());
    odd.namespaces.assign(17, policy::kApprovalNamespace.data());
    CHECK_FALSE(refusal({odd}).empty());
    odd = person("alice");
    odd.valid_after = UnixMillis(2s);
    odd.valid_before = UnixMillis(1s);
    CHECK_THAT(refusal({odd}), Catch::Contains("never valid"));
    std::vector<Operator> many;
    for (int i = 0; i < 64; ++i) {
        many.push_back(person("p" + std::to_string(i)));
    }
    CHECK(refusal(many, 64).empty());
    many.push_back(person("one-more"));
    CHECK_THAT(refusal(many), Catch::Contains("more than 64"));
    many.pop_back();
    for (Operator& each : many) {
        each.namespaces.assign(16, std::string(64, 'n'));
        each.namespaces.front() = policy::kApprovalNamespace;
    }
    CHECK_THAT(refusal(many), Catch::Contains("28672"));
}

TEST_CASE("operators: who may approve when", "[policy]") {
    Operator alice = person("alice");
    CHECK(policy::may_approve(alice, UnixMillis(0s)));
    alice.valid_after = UnixMillis(10s);
    alice.valid_before = UnixMillis(20s);
    CHECK_FALSE(policy::may_approve(alice, UnixMillis(9'999ms)));
    CHECK(policy::may_approve(alice, UnixMillis(10s)));
    CHECK(policy::may_approve(alice, UnixMillis(20s)));
    CHECK_FALSE(policy::may_approve(alice, UnixMillis(20'001ms)));
    alice.namespaces = {"file", "clawsigner-approvals"};
    CHECK_FALSE(policy::may_approve(alice, UnixMillis(15s)));
    alice.namespaces.emplace_back("clawsigner-approval");
    CHECK(policy::may_approve(alice, UnixMillis(15s)));
}

TEST_CASE("operators: one set has one text, and the text gives the set", "[policy]") {
    Operator alice = person("alice", SshKeyType::sk_ecdsa_p256);
    alice.valid_after = UnixMillis(1'767'225'600s);
    alice.valid_before = UnixMillis(1'798'761'600s);
    alice.namespaces = {"clawsigner-approval", "file"};
    const Operator bob = person("bob");
    const Operators operators = Operators::of({bob, alice}, 2).value();
    CHECK(operators == Operators::of({alice, bob}, 2).value());
    CHECK(operators.with_key(bob.key)->principal == "bob");
    CHECK(operators.with_key(person("x").key) == nullptr);
    const std::string text = policy::operators_text(operators);
    CHECK(text == R"({"operators":[{"key":")" + alice.key.text() +
                      R"(","namespaces":["clawsigner-approval","file"],"principal":"alice",)"
                      R"("valid_after":"2026-01-01T00:00:00.000Z",)"
                      R"("valid_before":"2027-01-01T00:00:00.000Z"},{"key":")" +
                      bob.key.text() + R"(","principal":"bob"}],"quorum":2,"v":1})");
    CHECK(policy::parse_operators(text).value() == operators);
}

TEST_CASE("operators: no other text is one", "[policy]") {
    const Operators operators = Operators::of({person("alice"), person("bob")}, 2).value();
    const std::string good = policy::operators_text(operators);
    REQUIRE(refusal_of_text(good).empty());
    for (const std::string& bad :
         {good + " ",
          replaced(good, "\"v\":1", "\"v\":2"),
          replaced(good, ",\"v\":1", ""),
          replaced(good, "\"quorum\":2", "\"quorum\":3"),
          replaced(good, "\"quorum\":2", "\"quorum\":0"),
          replaced(good, "\"quorum\":2", "\"quorum\":2.0"),
          replaced(good, "alice", "carol"),
          replaced(good, "alice", "bob"),
          replaced(good, "alice", "*"),
          replaced(good, "ssh-ed25519", "ssh-rsa"),
          replaced(good, "ssh-ed25519 ", "ssh-ed25519  "),
          replaced(good, "\"alice\"", "\"alice\",\"namespaces\":[]"),
          replaced(good, "\"principal\":\"alice\"", "\"namespaces\":[],\"principal\":\"alice\""),
          replaced(good, "\"principal\":\"alice\"",
                   "\"namespaces\":[\"*\"],\"principal\":\"alice\""),
          replaced(good, "\"alice\"", "\"alice\",\"valid_after\":\"2026-01-01T00:00:00Z\""),
          replaced(good, "\"alice\"", "\"alice\",\"x\":1"),
          replaced(good, "{\"operators\":", "{\"people\":"),
          std::string(R"({"operators":[],"quorum":1,"v":1})"),
          std::string(R"({"operators":{},"quorum":1,"v":1})"),
          std::string(R"({"operators":[1],"quorum":1,"v":1})"),
          std::string("{}"),
          std::string("[]"),
          std::string(),
          std::string(28'673, ' ')}) {
        INFO(bad);
        CHECK_FALSE(refusal_of_text(bad).empty());
    }
    CHECK(policy::parse_operators(replaced(good, "ssh-ed25519", "ssh-rsa")).error().field ==
          "operators[0].key");
}
