#include "base/clock.h"
#include "claw/json_writer.h"
#include "claw/receipt_request.h"
#include "policy/call_decision.h"
#include "policy/contract.h"
#include "policy/rules.h"
#include "policy/token_decision.h"
#include "support/vectors.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <set>

// Runs decisions.json, which is the document; this only says what a row means.

using namespace clawsigner;
using claw::JsonObject;
using claw::JsonValue;

namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
    }
    return text;
}

policy::PolicyState state_of(std::string_view name) {
    return name == "active"      ? policy::PolicyState::active
           : name == "withdrawn" ? policy::PolicyState::withdrawn
                                 : policy::PolicyState::added;
}

/// decisions.json, with the hashes of its contracts in place of their names.
struct Book {
    JsonValue rows;
    policy::KnownPolicies policies;
    std::optional<policy::ScopeMapping> mapping;

    static Book read() {
        std::ifstream file(CLAWSIGNER_DECISIONS);
        std::string text{std::istreambuf_iterator<char>(file), {}};
        Book book;
        const JsonValue raw = claw::parse_json(text, claw::JsonRules::door).value();
        for (const auto& [name, value] : raw.get_object().at("contracts").get_object()) {
            const std::string contract = claw::json_text(value.get_object().at("contract"));
            auto parsed =
                std::make_shared<const claw::WorkPolicy>(claw::WorkPolicy::parse(contract).value());
            text = replaced(text, "\"@" + std::string(name) + "\"", "\"" + parsed->hash() + "\"");
            const std::string hash = parsed->hash();
            book.policies[hash] = {std::move(parsed),
                                   state_of(value.get_object().at("state").get_string())};
        }
        text = replaced(text, "\"@nobody\"", "\"" + std::string(43, 'A') + "\"");
        book.rows = claw::parse_json(text, claw::JsonRules::door).value();
        book.mapping = policy::ScopeMapping::parse(claw::json_text(book.at("mapping"))).value();
        return book;
    }

    const JsonValue& at(std::string_view name) const { return rows.get_object().at(name); }
    const boost::json::array& list(std::string_view name) const { return at(name).get_array(); }

    /// The row's `member`, on top of the usual one.
    JsonObject with_usual(const JsonValue& row, std::string_view member,
                          std::string_view usual) const {
        JsonObject object = at("usual").get_object().at(usual).get_object();
        if (const JsonValue* own = row.get_object().if_contains(member)) {
            for (const auto& [name, value] : own->get_object()) {
                if (value.is_null()) {
                    object.erase(name);
                } else if (value.is_string() && value.get_string() == "(null)") {
                    object[name] = nullptr;
                } else {
                    object[name] = value;
                }
            }
        }
        return object;
    }

    std::int64_t time_of(const JsonValue& row) const {
        const JsonValue* own = row.get_object().if_contains("at");
        const std::string time(
            (own == nullptr ? at("usual").get_object().at("at") : *own).get_string());
        return std::chrono::floor<std::chrono::seconds>(
                   base::parse_utc(time + ".000Z").value().time_since_epoch())
            .count();
    }
};

const Book& book() {
    static const Book read = Book::read();
    return read;
}

std::vector<std::string> texts(const JsonValue& list) {
    std::vector<std::string> out;
    for (const JsonValue& each : list.get_array()) {
        out.emplace_back(each.get_string());
    }
    return out;
}

std::string body(std::string_view first, const JsonObject& object) {
    return "{\"" + std::string(first) + R"(":"x","request":)" + claw::json_text(object) + "}";
}

policy::TrustSettings trust_of(const JsonValue& row) {
    policy::TrustSettings trust;
    trust.audiences = {"clawproxy.com"};
    trust.allow_unpinned = row.get_object().contains("world");
    return trust;
}

policy::IdToken user_of(const JsonValue& row) {
    policy::IdToken user;
    user.issuer = "https://acme.okta.com";
    user.subject = "00u1alice";
    user.groups = texts(row.get_object().at("groups"));
    return user;
}

claw::Token token_of(const JsonObject& object, std::int64_t now) {
    claw::Token token;
    token.grant.sub = "did:key:zAgent";
    token.grant.aud = object.contains("aud") ? texts(object.at("aud"))
                                             : std::vector<std::string>{"clawproxy.com"};
    token.grant.scope = texts(object.at("scope"));
    if (const JsonValue* pin = object.if_contains("pin")) {
        token.grant.policy_hash_b64u = std::string(pin->get_string());
    }
    if (const JsonValue* cap = object.if_contains("spend_cap")) {
        token.grant.spend_cap = cap->get_double();
    }
    token.iat = now - 1;
    token.exp = now + static_cast<std::int64_t>(object.at("exp").get_double());
    return token;
}

template <class T>
std::string rule_of(const Result<T>& result) {
    return result.ok() ? std::string() : std::string(result.error().rule);
}

std::string expected(const JsonValue& row) {
    return tests::text_of(row, "rule");
}

/// What an allowed row says of the token besides.
void check_token(const JsonValue& row, const policy::AllowedToken& token, std::int64_t now) {
    if (const JsonValue* scope = row.get_object().if_contains("scope")) {
        CHECK(token.grant.scope == texts(*scope));
    }
    if (const JsonValue* ends = row.get_object().if_contains("ends")) {
        CHECK(token.exp - now == static_cast<std::int64_t>(ends->get_double()));
    }
    if (const JsonValue* lane = row.get_object().if_contains("lane")) {
        CHECK(claw::lane_name(token.grant.lane) == lane->get_string());
    }
    CHECK(token.exp > now);
    CHECK(token.grant.scope.size() <= claw::kMaxScopes);
}

Result<policy::AllowedToken> decided(const JsonValue& row) {
    const auto asked =
        policy::parse_mapped_request(body("id_token", book().with_usual(row, "ask", "ask")));
    if (!asked.ok()) {
        return asked.error();
    }
    const policy::TrustSettings trust = trust_of(row);
    const policy::TokenRules rules{*book().mapping, book().policies, trust};
    return policy::decide_token(rules, user_of(row), asked->request, book().time_of(row));
}

Result<policy::AllowedToken> narrowed(const JsonValue& row) {
    JsonObject ask;
    if (const JsonValue* own = row.get_object().if_contains("ask")) {
        ask = own->get_object();
    }
    const auto asked = policy::parse_narrow_request(body("cst", ask));
    if (!asked.ok()) {
        return asked.error();
    }
    const std::int64_t now = book().time_of(row);
    const claw::Token live = token_of(book().with_usual(row, "live", "live"), now);
    return policy::decide_narrowing(book().policies, live, *asked, now);
}

policy::CallDecision judged(const JsonValue& row) {
    JsonObject call = book().with_usual(row, "call", "call");
    call["cst"] = "x";
    const auto asked = policy::parse_decision_request(claw::json_text(call));
    if (!asked.ok()) {
        return {false, asked.error().rule, asked.error().message, {}, 0};
    }
    const std::int64_t now = book().time_of(row);
    const JsonObject token = book().with_usual(row, "token", "token");
    const auto kind = token.at("kind").get_string() == "claims" ? policy::TokenKind::claims
                                                                : policy::TokenKind::mapped;
    return policy::decide_call(book().policies, token_of(token, now), kind, asked->call, now);
}

}  // namespace

TEST_CASE("decisions: tokens by groups", "[policy][decisions]") {
    for (const JsonValue& row : book().list("tokens")) {
        INFO(tests::text_of(row, "it"));
        const auto token = decided(row);
        CHECK(rule_of(token) == expected(row));
        if (token.ok()) {
            check_token(row, *token, book().time_of(row));
            CHECK(token->rule == "mapping");
            CHECK(token->mapping_digest == book().mapping->digest());
            CHECK_FALSE(token->groups.empty());
        } else {
            CHECK(token.error().code != ErrorCode::internal);
            CHECK(token.error().message.size() > 10);
        }
    }
}

TEST_CASE("decisions: calls", "[policy][decisions]") {
    for (const JsonValue& row : book().list("calls")) {
        INFO(tests::text_of(row, "it"));
        const auto decision = judged(row);
        CHECK((decision.allow ? "" : std::string(decision.rule)) == expected(row));
        CHECK(decision.allow == decision.reason.empty());
        CHECK(decision.allow == (decision.rule == "call.allowed"));
        if (const JsonValue* ends = row.get_object().if_contains("ends")) {
            CHECK(decision.valid_until - book().time_of(row) ==
                  static_cast<std::int64_t>(ends->get_double()));
        }
    }
}

TEST_CASE("decisions: narrowing", "[policy][decisions]") {
    for (const JsonValue& row : book().list("narrowings")) {
        INFO(tests::text_of(row, "it"));
        const auto token = narrowed(row);
        CHECK(rule_of(token) == expected(row));
        if (token.ok()) {
            check_token(row, *token, book().time_of(row));
            CHECK(token->rule == "narrow");
        }
    }
}

TEST_CASE("decisions: receipts under a contract", "[policy][decisions]") {
    for (const JsonValue& row : book().list("receipts")) {
        INFO(tests::text_of(row, "it"));
        const std::string text = claw::json_text(book().with_usual(row, "receipt", "receipt"));
        const auto receipt = claw::parse_receipt_request(text, true);
        REQUIRE(receipt.ok());
        const auto& known = book().policies.at(tests::text_of(row, "pin"));
        CHECK(rule_of(policy::receipt_within_contract(*known.policy, receipt->content,
                                                      receipt->legacy)) == expected(row));
    }
}

TEST_CASE("decisions: the document holds at least 150 and every rule that decides", "[policy]") {
    std::set<std::string_view> seen;
    std::size_t count = 0;
    for (const std::string_view list : {"tokens", "calls", "narrowings", "receipts"}) {
        for (const JsonValue& row : book().list(list)) {
            seen.insert(row.get_object().at("rule").get_string());
            ++count;
        }
    }
    CHECK(count >= 150);
    for (const std::string_view rule : seen) {
        INFO(rule);
        CHECK((rule.empty() || std::ranges::find(policy::kRules, rule) != policy::kRules.end()));
    }
    for (const std::string_view rule : policy::kRules) {
        // Documents and ID tokens have tests of their own, and so has what the service looks at:
        // tests/service/mapped_token_test.cpp, tests/e2e/test_okta.py.
        const bool elsewhere = rule.starts_with("oidc.") || rule.starts_with("decision.") ||
                               rule.starts_with("receipt.") || rule == "claims.off" ||
                               (rule.starts_with("token.") && rule != "token.expired") ||
                               rule == "mapping.groups_size" || rule.ends_with("_form") ||
                               rule == "trust.form" || rule == "mapping.form" ||
                               rule == "wpc.form" || rule == "mapping.duplicate_group" ||
                               rule.ends_with(".wildcard") || rule == "wpc.signer" ||
                               rule == "wpc.hash" || rule == "wpc.signature";
        INFO(rule);
        CHECK((elsewhere || seen.contains(rule)));
    }
}

TEST_CASE("contract: docs/api/work-policy.md has the table, row for row", "[policy]") {
    std::ifstream file(CLAWSIGNER_WORK_POLICY_DOC);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    std::string table;
    for (const policy::ContractMember& member : policy::kContractMembers) {
        const auto cell = [](bool yes) { return yes ? std::string(" yes |") : std::string("  |"); };
        table.append("| `").append(member.name).append("` |");
        table.append(cell(member.token)).append(cell(member.decision));
        table.append(cell(member.receipt)).append(cell(member.proxys_duty));
        table.append(member.rule.empty() ? "  |" : " `" + std::string(member.rule) + "` |");
        table.append(" ").append(member.what).append(" |\n");
    }
    CHECK(text.find("|---|---|---|---|---|---|---|\n" + table + "\n") != std::string::npos);
}

TEST_CASE("contract: every member of the table does what its row says", "[policy]") {
    std::map<std::string_view, std::set<std::string_view>> rules;
    for (const auto& [list, column] : std::vector<std::pair<std::string_view, std::string_view>>{
             {"tokens", "token"}, {"calls", "decision"}, {"receipts", "receipt"}}) {
        for (const JsonValue& row : book().list(list)) {
            rules[column].insert(row.get_object().at("rule").get_string());
        }
    }
    std::set<std::string_view> names;
    for (const policy::ContractMember& member : policy::kContractMembers) {
        INFO(member.name);
        CHECK(names.insert(member.name).second);
        CHECK_FALSE(member.what.empty());
        const bool enforced = member.token || member.decision || member.receipt;
        CHECK(enforced == !member.rule.empty());
        CHECK_FALSE((enforced && member.proxys_duty));
        // A receipt is held to the window by the decision at the time of its call.
        const bool by_decision = member.name == "metadata.change_window_utc";
        CHECK((!member.token || rules["token"].contains(member.rule)));
        CHECK((!member.decision || rules["decision"].contains(member.rule)));
        CHECK((!member.receipt || by_decision || rules["receipt"].contains(member.rule)));
    }
    // A contract has these members and no others.
    for (const std::string_view known :
         {"policy_version", "policy_id", "issuer_did", "allowed_providers", "allowed_models",
          "minimum_model_identity_tier", "required_audit_packs", "redaction_rules",
          "receipt_privacy_mode", "egress_allowlist", "metadata", "metadata.version",
          "metadata.tool_allowlist", "metadata.change_window_utc",
          "metadata.write_requires_approval", "metadata.runtime"}) {
        INFO(known);
        CHECK(names.erase(known) == 1);
    }
    CHECK(names.empty());
}
