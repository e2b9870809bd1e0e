#include "cli/explain_command.h"

#include "base/clock.h"
#include "base/file.h"
#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "claw/jwks.h"
#include "claw/token_verify.h"
#include "claw/work_policy.h"
#include "cli/output.h"
#include "policy/call_decision.h"
#include "policy/id_token.h"
#include "policy/token_decision.h"

#include <cstdio>
#include <memory>

namespace clawsigner::cli {
namespace {

using claw::JsonReader;
using claw::JsonValue;

constexpr std::size_t kMaxFile = 256U << 10U;
constexpr std::size_t kMaxGroups = 512;
constexpr std::size_t kMaxGroupBytes = 256;

/// What would happen, and by which rule.
struct Outcome {
    bool allow = false;
    std::string rule;
    std::string reason;                     // empty when allowed
    std::optional<claw::TokenGrant> grant;  // of a token that would be issued
    std::int64_t until = 0;                 // when allowed, Unix seconds
};

/// All that decides, read from files.
struct Documents {
    policy::ScopeMapping mapping;
    policy::KnownPolicies policies;
    policy::TrustSettings trust;
};

/// A fault of a document, under its file's name.
Error in_file(const std::filesystem::path& file, Error error) {
    error.message = file.string() + ": " + error.message;
    return error;
}

/// A contract as it is, or in an envelope, whose signature is not what is asked here.
Result<claw::WorkPolicy> contract_in(const std::filesystem::path& file) {
    TRY(const std::string text, base::read_file(file, kMaxFile));
    TRY(const JsonValue document, claw::parse_json(text, claw::JsonRules::javascript));
    const JsonValue* payload =
        document.is_object() ? document.get_object().if_contains("payload") : nullptr;
    auto policy = claw::WorkPolicy::of(payload == nullptr ? document : *payload, "");
    return policy.ok() ? std::move(policy) : in_file(file, policy.error());
}

Result<policy::KnownPolicies> contracts(const ExplainTerms& terms) {
    policy::KnownPolicies known;
    for (const auto& file : terms.policies) {
        TRY(claw::WorkPolicy policy, contract_in(file));
        const std::string hash = policy.hash();
        known[hash] = {std::make_shared<const claw::WorkPolicy>(std::move(policy)),
                       policy::PolicyState::active};
    }
    return known;
}

Result<policy::ScopeMapping> mapping_in(const ExplainTerms& terms) {
    if (!terms.mapping) {
        return Error(ErrorCode::config_invalid,
                     "a token is decided by a mapping: name it with --mapping FILE");
    }
    TRY(const std::string text, base::read_file(*terms.mapping, kMaxFile));
    auto mapping = policy::ScopeMapping::parse(text);
    return mapping.ok() ? std::move(mapping) : in_file(*terms.mapping, mapping.error());
}

Outcome denied(const Error& error) {
    return {false, std::string(error.rule.empty() ? wire_name(error.code) : error.rule),
            error.message, std::nullopt, 0};
}

Outcome outcome_of(Result<policy::AllowedToken> decided) {
    if (!decided.ok()) {
        return denied(decided.error());
    }
    return {true, std::string(decided->rule), "", std::move(decided->grant), decided->exp};
}

Outcome decided_for(const Documents& documents, const policy::IdToken& user,
                    const policy::MappedRequest& request, std::int64_t now) {
    return outcome_of(policy::decide_token({documents.mapping, documents.policies, documents.trust},
                                           user, request, now));
}

Result<policy::OidcTrust> oidc_in(const ExplainTerms& terms) {
    if (!terms.oidc) {
        return Error(ErrorCode::config_invalid,
                     "an ID token is verified by whose it is: name that with --oidc FILE");
    }
    TRY(const std::string text, base::read_file(*terms.oidc, kMaxFile));
    auto trust = policy::parse_oidc_trust(text);
    return trust.ok() ? std::move(trust) : in_file(*terms.oidc, trust.error());
}

Result<Documents> documents_of(const ExplainTerms& terms) {
    TRY(policy::ScopeMapping mapping, mapping_in(terms));
    TRY(policy::KnownPolicies known, contracts(terms));
    policy::TrustSettings trust;
    trust.allow_unpinned = terms.allow_unpinned;
    return Documents{std::move(mapping), std::move(known), std::move(trust)};
}

/// The request of a user who is said to be in these groups.
struct GroupsAsked {
    policy::IdToken user;
    policy::MappedRequest request;
};

Result<GroupsAsked> read_groups(const JsonValue& document) {
    JsonReader in(document, "");
    GroupsAsked asked;
    asked.user.issuer = "https://example.com";
    asked.user.subject = "explained";
    asked.user.groups = in.texts("groups", 0, kMaxGroups, kMaxGroupBytes);
    const JsonValue* request = in.object("request");
    CHECK_OK(in.finish());
    // Read by the door's own reader, of which the ID token is only the other half.
    const std::string body = claw::JsonWriter()
                                 .text("id_token", "e30.e30.AA")
                                 .raw("request", claw::json_text(*request))
                                 .done();
    TRY(auto parsed, policy::parse_mapped_request(body));
    asked.request = std::move(parsed.request);
    return asked;
}

Result<Outcome> explain_groups(const ExplainTerms& terms, const JsonValue& document,
                               std::int64_t now) {
    TRY(const Documents documents, documents_of(terms));
    const auto asked = read_groups(document);
    return asked.ok() ? decided_for(documents, asked->user, asked->request, now)
                      : denied(asked.error());
}

Result<Outcome> explain_login(const ExplainTerms& terms, std::string_view body, std::int64_t now) {
    TRY(const Documents documents, documents_of(terms));
    TRY(const policy::OidcTrust trust, oidc_in(terms));
    const auto asked = policy::parse_mapped_request(body);
    if (!asked.ok()) {
        return denied(asked.error());
    }
    const auto user = policy::verify_id_token(trust, asked->id_token, now, asked->nonce);
    return user.ok() ? decided_for(documents, *user, asked->request, now) : denied(user.error());
}

/// The token a call is to be made under; how it came to be is in the log, so the narrower kind is
/// supposed.
Result<Outcome> explain_call(const ExplainTerms& terms, std::string_view body, std::int64_t now) {
    if (!terms.jwks) {
        return Error(ErrorCode::config_invalid,
                     "a token is verified by the issuer's keys: name them with --keys FILE");
    }
    TRY(const std::string jwks, base::read_file(*terms.jwks, kMaxFile));
    auto keys = claw::parse_jwks(jwks);
    if (!keys.ok()) {
        return in_file(*terms.jwks, keys.error());
    }
    TRY(const policy::KnownPolicies known, contracts(terms));
    const auto asked = policy::parse_decision_request(body);
    if (!asked.ok()) {
        return denied(asked.error());
    }
    const auto verdict =
        claw::verify_token(asked->cst, {*std::move(keys), std::nullopt, std::nullopt});
    if (!verdict.token) {
        return denied(Error::denied("token.invalid", "cst", verdict.verdict.message));
    }
    const auto decision =
        policy::decide_call(known, *verdict.token, policy::TokenKind::mapped, asked->call, now);
    return Outcome{decision.allow, std::string(decision.rule), decision.reason, std::nullopt,
                   decision.valid_until};
}

Result<Outcome> explained(const ExplainTerms& terms, std::int64_t now) {
    TRY(const std::string body, base::read_file(terms.request, kMaxFile));
    TRY(const JsonValue document, claw::parse_json(body, claw::JsonRules::door));
    if (!document.is_object()) {
        return Error(ErrorCode::invalid_field, "the request must be an object");
    }
    if (document.get_object().contains("groups")) {
        return explain_groups(terms, document, now);
    }
    if (document.get_object().contains("cst")) {
        return explain_call(terms, body, now);
    }
    return explain_login(terms, body, now);
}

void print_json(const Outcome& outcome) {
    claw::JsonWriter out;
    out.boolean("allow", outcome.allow).text("rule", outcome.rule);
    if (!outcome.allow) {
        out.text("reason", outcome.reason);
    } else {
        out.time("until", UnixMillis(std::chrono::seconds(outcome.until)));
    }
    if (outcome.grant) {
        out.raw("scope", claw::json_array_of(outcome.grant->scope, [](const std::string& scope) {
                    std::string text;
                    claw::append_json_string(text, scope);
                    return text;
                }));
        out.optional_text("policy_hash_b64u", outcome.grant->policy_hash_b64u);
    }
    std::printf("%s\n", printable(out.done()).c_str());
}

void print(const Outcome& outcome) {
    if (!outcome.allow) {
        std::printf("refused by %s: %s\n", outcome.rule.c_str(), printable(outcome.reason).c_str());
        return;
    }
    std::printf("allowed by %s, until %s\n", outcome.rule.c_str(),
                base::format_utc(UnixMillis(std::chrono::seconds(outcome.until))).c_str());
    if (outcome.grant) {
        for (const std::string& scope : outcome.grant->scope) {
            std::printf("  %s\n", printable(scope).c_str());
        }
    }
}

Result<std::int64_t> moment_of(const ExplainTerms& terms) {
    UnixMillis moment = base::SystemClock().now();
    if (!terms.at.empty()) {
        auto at = base::parse_utc(terms.at);
        if (!at.ok()) {
            return Error(ErrorCode::config_invalid, "--at " + at.error().message);
        }
        moment = *at;
    }
    return std::chrono::floor<std::chrono::seconds>(moment.time_since_epoch()).count();
}

}  // namespace

int explain(const ExplainTerms& terms) {
    const auto now = moment_of(terms);
    const auto outcome = now.ok() ? explained(terms, *now) : Result<Outcome>(now.error());
    if (!outcome.ok()) {
        return report(outcome.error(), terms.json);
    }
    terms.json ? print_json(*outcome) : print(*outcome);
    return outcome->allow ? kGood : kRefused;
}

}  // namespace clawsigner::cli
