#include "policy/patterns.h"

#include "claw/work_policy.h"

#include <catch2/catch.hpp>

#include <string>

using namespace clawsigner;
using policy::host_covers;
using policy::host_matches;
using policy::model_matches;

TEST_CASE("patterns: a host is itself, and below a wildcard", "[policy]") {
    CHECK(host_matches("api.github.com", "api.github.com"));
    CHECK(host_matches("api.github.com", "API.GitHub.com"));
    CHECK_FALSE(host_matches("api.github.com", "xapi.github.com"));
    CHECK_FALSE(host_matches("github.com", "api.github.com"));
    CHECK(host_matches("*.atlassian.net", "acme.atlassian.net"));
    CHECK(host_matches("*.atlassian.net", "a.b.Atlassian.net"));
    CHECK_FALSE(host_matches("*.atlassian.net", "atlassian.net"));
    CHECK_FALSE(host_matches("*.atlassian.net", "evilatlassian.net"));
    CHECK_FALSE(host_matches("*.atlassian.net", "atlassian.net.evil.com"));
    CHECK_FALSE(host_matches("*.atlassian.net", ".atlassian.net"));
}

TEST_CASE("patterns: what is no host pattern names nothing", "[policy]") {
    for (const std::string_view bad :
         {"*", "*.", "*com", "a*.com", "a.*.com", "**.com", "*.*.com", "https://a.com", "a.com:443",
          "a.com.", ".a.com", "", " a.com", "a.com ", "-a.com", "b\u00fccher.de"}) {
        INFO(bad);
        CHECK_FALSE(policy::is_host_pattern(bad));
        CHECK_FALSE(host_matches(bad, "a.com"));
        CHECK_FALSE(host_covers(bad, "a.com"));
        CHECK_FALSE(host_covers(bad, bad));
    }
    CHECK_FALSE(host_matches("a.com", "*.a.com"));
    CHECK_FALSE(policy::is_host("*.a.com"));
    CHECK_FALSE(policy::is_host(std::string(254, 'a')));
}

TEST_CASE("patterns: a wildcard covers what is below it, wildcards too", "[policy]") {
    CHECK(host_covers("*.a.com", "x.a.com"));
    CHECK(host_covers("*.a.com", "*.a.com"));
    CHECK(host_covers("*.a.com", "*.b.a.com"));
    CHECK_FALSE(host_covers("*.b.a.com", "*.a.com"));
    CHECK_FALSE(host_covers("x.a.com", "*.a.com"));
    CHECK_FALSE(host_covers("*.a.com", "*.xa.com"));
    CHECK_FALSE(host_covers("*.a.com", "a.com"));
}

TEST_CASE("patterns: a model's star is any run, and nothing else is special", "[policy]") {
    CHECK(model_matches("gpt-4o", "gpt-4o"));
    CHECK(model_matches("GPT-4o", "gpt-4O"));
    CHECK(model_matches("claude-*", "claude-sonnet-4-20250514"));
    CHECK(model_matches("claude-*", "claude-"));
    CHECK(model_matches("*", "anything"));
    CHECK(model_matches("*-4-*", "claude-sonnet-4-20250514"));
    CHECK(model_matches("a*b*c", "aXbYbZc"));
    CHECK(model_matches("**", ""));
    CHECK_FALSE(model_matches("a*b*c", "aXbYbZ"));
    CHECK_FALSE(model_matches("gpt-4o", "gpt-4o-mini"));
    CHECK_FALSE(model_matches("gpt-4o", "xgpt-4o"));
    CHECK_FALSE(model_matches("", "a"));
    for (const std::string_view regex : {"gpt.4o", "gpt-4?", "gpt-[0-9]o", "gpt-4o|x", "(gpt-4o)",
                                         "gpt-4o$", "^gpt-4o", "gpt-\\do", "gpt-.o", "g+pt-4o"}) {
        INFO(regex);
        CHECK_FALSE(model_matches(regex, "gpt-4o"));
        CHECK(model_matches(regex, regex));
    }
}

TEST_CASE("patterns: a pattern of stars is decided in time", "[policy]") {
    std::string pattern;
    for (int i = 0; i < 128; ++i) {
        pattern.append("*a");
    }
    CHECK_FALSE(model_matches(pattern + "b", std::string(256, 'a')));
}

TEST_CASE("patterns: a plain name could be read in one way only", "[policy]") {
    for (const std::string_view good : {"github", "argo-cd", "okta.users.read", "a:b/c", "A"}) {
        CHECK(claw::is_plain_name(good));
    }
    for (const std::string_view bad :
         {"", " ", "a b", "a,b", "a*", "*", "a\"", "a\\", "a\tb", "a\x7f", "\u00e9"}) {
        INFO(bad);
        CHECK_FALSE(claw::is_plain_name(bad));
    }
    CHECK_FALSE(claw::is_plain_name(std::string_view("a\0b", 3)));
    CHECK(claw::is_plain_name(std::string(128, 'a')));
    CHECK_FALSE(claw::is_plain_name(std::string(129, 'a')));
}
