#include "claw/json.h"
#include "cli/https_get.h"
#include "cli/indented.h"

#include <catch2/catch.hpp>

using namespace clawsigner;

TEST_CASE("https URL: a host, perhaps a port, and a path", "[cli]") {
    const auto whole = cli::parse_https_url("https://example.okta.com:8443/oauth2/default").value();
    CHECK(whole.host == "example.okta.com");
    CHECK(whole.port == "8443");
    CHECK(whole.path == "/oauth2/default");
    const auto bare = cli::parse_https_url("https://example.okta.com").value();
    CHECK(bare.port == "443");
    CHECK(bare.path == "/");
}

TEST_CASE("https URL: nothing else is one", "[cli]") {
    const std::string text = GENERATE(
        "", "https://", "http://a.b/", "HTTPS://a.b/", "https://user@a.b/", "https://a.b:/",
        "https://a.b:port/", "https://[::1]/", "https://a.b/?x", "https://a.b/#x",
        "https://a.b/a b", "https://a.b/a\r\nHost: c", "https://a b/", "https://a.b:123456/");
    CHECK(cli::parse_https_url(text).error().code == ErrorCode::invalid_field);
}

TEST_CASE("indented: a document over several lines, fit for a terminal", "[cli]") {
    const auto value = claw::parse_json("{\"a\":[1,{\"b\\u001b\":\"\\u202e\"}],\"c\":{},\"d\":[]}",
                                        claw::JsonRules::javascript)
                           .value();
    CHECK(cli::indented(value) ==
          "{\n  \"a\": [\n    1,\n    {\n      \"b\\u001b\": \"\\u202e\"\n    }\n  ],\n  \"c\": "
          "{},\n  \"d\": []\n}");
}
