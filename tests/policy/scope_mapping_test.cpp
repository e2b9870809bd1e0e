#include "policy/scope_mapping.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using policy::ScopeMapping;

namespace {

// The example of the guide that this feature comes from, as it stands there.
constexpr std::string_view kGuide = R"({
"scope_mappings": [
{
"okta_group": "platform-engineers",
"cst_claims": {
"allowed_tools": ["github", "argo-cd", "terraform"],
"allowed_models": ["claude-sonnet-4-20250514", "gpt-4o"],
"egress_allowlist": ["api.github.com", "*.atlassian.net"],
"max_ttl_seconds": 3600
}
},
{
"okta_group": "security-analysts",
"cst_claims": {
"allowed_tools": ["splunk", "jira", "servicenow"],
"allowed_models": ["claude-sonnet-4-20250514"],
"egress_allowlist": ["*.splunkcloud.com"],
"max_ttl_seconds": 1800
}
}
]
})";

constexpr std::string_view kClaims =
    R"({"allowed_tools":["t"],"allowed_models":["m"],"egress_allowlist":["h.example"],"max_ttl_seconds":60})";

std::string entry(std::string_view group, std::string_view more = "",
                  std::string_view claims = kClaims) {
    return R"({"okta_group":")" + std::string(group) + R"(","cst_claims":)" + std::string(claims) +
           (more.empty() ? "" : "," + std::string(more)) + "}";
}

std::string mapping(std::string_view entries) {
    return R"({"scope_mappings":[)" + std::string(entries) + "]}";
}

std::string with_claims(std::string_view claims) {
    return mapping(entry("g", "", claims));
}

Error refusal(std::string_view text) {
    const auto read = ScopeMapping::parse(text);
    return read.ok() ? Error() : read.error();
}

}  // namespace

TEST_CASE("scope mapping: the guide's document is accepted verbatim", "[policy]") {
    const auto read = ScopeMapping::parse(kGuide);
    REQUIRE(read.ok());
    REQUIRE(read->entries().size() == 2);
    const auto& first = read->entries().front();
    CHECK(first.okta_group == "platform-engineers");
    CHECK(first.allowed_tools == std::set<std::string>{"argo-cd", "github", "terraform"});
    CHECK(first.allowed_models == std::set<std::string>{"claude-sonnet-4-20250514", "gpt-4o"});
    CHECK(first.egress_allowlist == std::set<std::string>{"*.atlassian.net", "api.github.com"});
    CHECK(first.max_ttl == std::chrono::seconds(3600));
    CHECK_FALSE(first.is_bound());
    CHECK(first.lane == claw::TokenLane::legacy);
}

TEST_CASE("scope mapping: its text reads back, and its digest does not depend on the layout",
          "[policy]") {
    const auto read = ScopeMapping::parse(kGuide).value();
    const auto again = ScopeMapping::parse(read.text()).value();
    CHECK(again.text() == read.text());
    CHECK(again.digest() == read.digest());
    CHECK(read.digest().size() == 43);
    CHECK(read.text().starts_with(R"({"scope_mappings":[{"cst_claims":{"allowed_models":)"));
    CHECK(ScopeMapping::parse(mapping(entry("g"))).value().digest() != read.digest());
}

TEST_CASE("scope mapping: the optional members", "[policy]") {
    const auto read = ScopeMapping::parse(mapping(entry(
        "g",
        R"("policy_pin":{"policy_hash_b64u":"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU","policy_version":"v3"},)"
        R"("subjects":["did:key:zAgent"],"audiences":["clawproxy.com"],"scopes":["control:token:issue_sensitive"],)"
        R"("lane":"canonical","claims":{"owner_did":["did:key:zO"],"delegation_spend_cap_minor":["500"],)"
        R"("delegation_expires_at":[1767229200]})")));
    REQUIRE(read.ok());
    const auto& entry = read->entries().front();
    CHECK(entry.is_bound());
    CHECK(entry.policy_pin->policy_version == "v3");
    CHECK(entry.subjects->contains("did:key:zAgent"));
    CHECK(entry.audiences->contains("clawproxy.com"));
    CHECK(entry.scopes.contains("control:token:issue_sensitive"));
    CHECK(entry.lane == claw::TokenLane::canonical);
    CHECK(entry.claims.at("owner_did").contains("did:key:zO"));
    CHECK(entry.claims.at("delegation_expires_at").contains("1767229200"));
    CHECK(ScopeMapping::parse(mapping("")).value().entries().empty());
}

TEST_CASE("scope mapping: what is refused, and by which rule", "[policy]") {
    struct Row {
        std::string text;
        std::string_view rule;
        std::string_view field;
    };
    const std::string pin = R"("policy_pin":{"policy_hash_b64u":)";
    const std::vector<Row> rows{
        {"", "mapping.form", ""},
        {"{}", "mapping.form", "scope_mappings"},
        {R"({"scope_mappings":[],"x":1})", "mapping.form", "x"},
        {R"({"scope_mappings":[],"scope_mappings":[]})", "mapping.form", "scope_mappings"},
        {mapping("1"), "mapping.form", "scope_mappings[0]"},
        {mapping(entry("g") + "," + entry("g")), "mapping.duplicate_group",
         "scope_mappings[1].okta_group"},
        {mapping(entry("*")), "mapping.wildcard", "scope_mappings[0].okta_group"},
        {mapping(entry("a\\u0000b")), "mapping.form", "scope_mappings[0].okta_group"},
        {mapping(entry(" g")), "mapping.form", "scope_mappings[0].okta_group"},
        {mapping(entry("")), "mapping.form", "scope_mappings[0].okta_group"},
        {mapping(entry("\\ud800")), "mapping.form", "scope_mappings[0].okta_group"},
        {mapping(entry(std::string(257, 'g'))), "mapping.form", "scope_mappings[0].okta_group"},
        {mapping(entry("g", R"("allowed_tools":[])")), "mapping.form",
         "scope_mappings[0].allowed_tools"},
        {mapping(R"({"okta_group":"g"})"), "mapping.form", "scope_mappings[0].cst_claims"},
        {with_claims(R"({"allowed_tools":[],"allowed_models":[],"egress_allowlist":[]})"),
         "mapping.ttl_form", "scope_mappings[0].cst_claims.max_ttl_seconds"},
    };
    for (const Row& row : rows) {
        INFO(row.text);
        const Error error = refusal(row.text);
        CHECK(error.rule == row.rule);
        CHECK(error.field == row.field);
    }
    for (const std::string_view ttl : {"0", "-1", "86401", "1.5", "\"60\"", "1e3000", "null"}) {
        INFO(ttl);
        const Error error = refusal(with_claims(
            R"({"allowed_tools":[],"allowed_models":[],"egress_allowlist":[],"max_ttl_seconds":)" +
            std::string(ttl) + "}"));
        CHECK(error.rule == (ttl == "1e3000" ? "mapping.form" : "mapping.ttl_form"));
    }
    for (const std::string_view hash :
         {"\"sha256-hash-of-wpc-json\"", "\"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\"",
          "\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFV\"",
          "\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=\"", "null", "43", "\"\""}) {
        INFO(hash);
        CHECK(refusal(mapping(entry("g", pin + std::string(hash) + R"(,"policy_version":"v"})")))
                  .rule == "mapping.pin_form");
    }
    CHECK(refusal(mapping(entry("g", R"("policy_pin":null)"))).rule == "mapping.pin_form");
    CHECK(refusal(mapping(entry("g", pin + R"("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"})")))
              .rule == "mapping.pin_form");
}

TEST_CASE("scope mapping: a '*' is legal only as the whole first label of a host", "[policy]") {
    const auto with = [](std::string_view tools, std::string_view models, std::string_view hosts) {
        return with_claims(R"({"allowed_tools":[)" + std::string(tools) +
                           R"(],"allowed_models":[)" + std::string(models) +
                           R"(],"egress_allowlist":[)" + std::string(hosts) +
                           R"(],"max_ttl_seconds":1})");
    };
    CHECK(refusal(with(R"("*")", "", "")).rule == "mapping.wildcard");
    CHECK(refusal(with(R"("git*")", "", "")).rule == "mapping.wildcard");
    CHECK(refusal(with("", R"("gpt-*")", "")).rule == "mapping.wildcard");
    for (const std::string_view host :
         {"*", "a.*.com", "a*.com", "**.com", "*.*.com", "*x.com", "x.com/*"}) {
        INFO(host);
        CHECK(refusal(with("", "", "\"" + std::string(host) + "\"")).rule == "mapping.wildcard");
    }
    CHECK(refusal(with("", "", R"("*.")")).rule == "mapping.form");
    for (const std::string_view member : {"subjects", "audiences", "scopes"}) {
        INFO(member);
        CHECK(refusal(mapping(entry("g", "\"" + std::string(member) + R"(":["a:*"])"))).rule ==
              "mapping.wildcard");
    }
    CHECK(refusal(mapping(entry("g", R"("claims":{"mission_id":["*"]})"))).rule ==
          "mapping.wildcard");
}

TEST_CASE("scope mapping: names, hosts, scopes and claims are held to their forms", "[policy]") {
    for (const std::string_view name : {R"("a b")", R"("a\u0000")", R"("a,b")", R"("")", R"(" a")",
                                        R"("a\n")", "1", "null", R"("\u00e9")"}) {
        INFO(name);
        const std::string list = "[" + std::string(name) + "]";
        CHECK(refusal(
                  with_claims(R"({"allowed_tools":)" + list +
                              R"(,"allowed_models":[],"egress_allowlist":[],"max_ttl_seconds":1})"))
                  .rule == "mapping.form");
        CHECK(refusal(with_claims(R"({"allowed_tools":[],"allowed_models":)" + list +
                                  R"(,"egress_allowlist":[],"max_ttl_seconds":1})"))
                  .rule == "mapping.form");
        CHECK(refusal(mapping(entry("g", R"("scopes":)" + list))).rule == "mapping.form");
        CHECK(refusal(mapping(entry("g", R"("audiences":)" + list))).rule == "mapping.form");
    }
    for (const std::string_view scope : {"tool:x", "model:x", "egress:h.example"}) {
        CHECK(refusal(mapping(entry("g", R"("scopes":[")" + std::string(scope) + R"("])"))).rule ==
              "mapping.form");
    }
    const std::string longest(122, 'a');
    CHECK(
        refusal(with_claims(R"({"allowed_tools":[")" + longest +
                            R"("],"allowed_models":[],"egress_allowlist":[],"max_ttl_seconds":1})"))
            .rule.empty());
    CHECK(
        refusal(with_claims(R"({"allowed_tools":["a)" + longest +
                            R"("],"allowed_models":[],"egress_allowlist":[],"max_ttl_seconds":1})"))
            .rule == "mapping.form");
    for (const std::string_view claims :
         {R"({"agent_did":["did:key:z"]})", R"({"owner_did":["x"]})",
          R"({"owner_did":"did:key:z"})", R"({"delegation_spend_cap_minor":["-1"]})",
          R"({"delegation_expires_at":["1"]})", R"({"delegation_expires_at":[0]})",
          R"({"delegation_expires_at":[1.5]})", R"({"delegation_policy_hash_b64u":["short"]})",
          R"({"spend_cap":[1]})", R"({"owner_ref":["a\u0000"]})",
          R"({"owner_did":["did:key:z","did:key:z"]})"}) {
        INFO(claims);
        CHECK(refusal(mapping(entry("g", R"("claims":)" + std::string(claims)))).rule ==
              "mapping.form");
    }
    CHECK(refusal(mapping(entry("g", R"("lane":"fast")"))).rule == "mapping.form");
}

TEST_CASE("scope mapping: it is bounded", "[policy]") {
    std::string entries;
    for (int i = 0; i < 257; ++i) {
        entries.append(i == 0 ? "" : ",").append(entry("g" + std::to_string(i)));
    }
    CHECK(refusal(mapping(entries)).rule == "mapping.form");
    std::string tools;
    for (int i = 0; i < 257; ++i) {
        tools.append(i == 0 ? "" : ",").append("\"t" + std::to_string(i) + "\"");
    }
    CHECK(
        refusal(with_claims(R"({"allowed_tools":[)" + tools +
                            R"(],"allowed_models":[],"egress_allowlist":[],"max_ttl_seconds":1})"))
            .rule == "mapping.form");
    CHECK(refusal(std::string(65'537, ' ')).code == ErrorCode::too_large);
}
