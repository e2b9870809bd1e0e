#include "policy/ceiling.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using namespace std::chrono_literals;
using policy::NameSet;
using policy::TokenCeiling;

namespace {

claw::TokenGrant grant(std::string aud, std::string scope) {
    claw::TokenGrant grant;
    grant.sub = "a";
    grant.aud = {std::move(aud)};
    grant.scope = {"proxy:call", std::move(scope)};
    return grant;
}

const TokenCeiling kCeiling{3600s, NameSet({"clawproxy.com"}), NameSet({"proxy:*", "egress:*"})};

std::string_view rule(const claw::TokenGrant& grant, std::chrono::seconds ttl = 600s) {
    const Status within = policy::within_ceiling(kCeiling, grant, ttl);
    return within.ok() ? "" : within.error().rule;
}

}  // namespace

TEST_CASE("ceiling: what is below it passes, and each rule says no to its own", "[policy]") {
    CHECK(rule(grant("clawproxy.com", "proxy:x")).empty());
    CHECK(rule(grant("clawproxy.com", "proxy:x"), 3600s).empty());
    CHECK(rule(grant("clawproxy.com", "proxy:x"), 3601s) == "ceiling.ttl");
    CHECK(rule(grant("clawproxy.com.evil", "proxy:x")) == "ceiling.audience");
    CHECK(rule(grant("clawproxy.com", "control:key:rotate")) == "ceiling.scope");
    CHECK(rule(grant("clawproxy.com", "proxy:*")) == "ceiling.wildcard");
    const Status denied = policy::within_ceiling(kCeiling, grant("clawproxy.com", "x"), 1s);
    CHECK(denied.error().code == ErrorCode::policy_denied);
    CHECK(denied.error().field == "claims.scope[1]");
}

TEST_CASE("ceiling: one that nobody set allows nothing", "[policy]") {
    CHECK_FALSE(policy::within_ceiling({}, grant("clawproxy.com", "proxy:x"), 1s).ok());
    const TokenCeiling no_life{0s, NameSet({"*"}), NameSet({"*"})};
    CHECK(policy::within_ceiling(no_life, grant("a", "b"), 0s).error().rule == "ceiling.ttl");
    CHECK_FALSE(NameSet().contains(""));
}

TEST_CASE("ceiling: a wildcard is the whole first label of an egress scope, or refused",
          "[policy]") {
    for (const std::string_view good : {"egress:*.example.com", "egress:*.x", "egress:*.A-1.b"}) {
        INFO(good);
        CHECK(policy::is_egress_wildcard(good));
    }
    for (const std::string_view bad :
         {"egress:*", "egress:*.", "egress:*..com", "egress:a*.com", "egress:*.*.com",
          "egress:a.*.com", "egress:*.-x.com", "egress:*.x-.com", "egress:*.ex ample.com", "*",
          "Egress:*.x", "egress:*.example.com.", "egress:*.b\u00fccher.de"}) {
        INFO(bad);
        CHECK_FALSE(policy::is_egress_wildcard(bad));
    }
    CHECK_FALSE(policy::is_egress_wildcard("egress:*." + std::string(64, 'a')));
    CHECK(policy::is_egress_wildcard("egress:*." + std::string(63, 'a')));
}

TEST_CASE("name set: names, prefixes, and everything", "[policy]") {
    const NameSet some({"a", "b:*"});
    CHECK(some.contains("a"));
    CHECK_FALSE(some.contains("ab"));
    CHECK(some.contains("b:"));
    CHECK(some.contains("b:x"));
    CHECK_FALSE(some.contains("b"));
    CHECK(NameSet({"*"}).contains(""));
}

TEST_CASE("name set: what could be read as two names is not allowed by a prefix", "[policy]") {
    for (const std::string_view name :
         {"proxy:call control:x", "proxy:call,control:x", "proxy:call\ncontrol:x", "proxy:\x7f"}) {
        CHECK_FALSE(NameSet({"proxy:*"}).contains(name));
        CHECK(NameSet({"*"}).contains(name));
        CHECK(NameSet({std::string(name)}).contains(name));
    }
    CHECK(NameSet({"*"}).contains("\u00e9\U0001F600"));
}
