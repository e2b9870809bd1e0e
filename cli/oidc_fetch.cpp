#include "claw/json_writer.h"
#include "cli/approval_commands.h"
#include "cli/client.h"
#include "cli/confirm.h"
#include "cli/conversation.h"
#include "cli/https_get.h"
#include "cli/indented.h"
#include "cli/policy_commands.h"
#include "policy/id_token.h"

#include <cstdio>

namespace clawsigner::cli {
namespace {

using claw::JsonObject;
using claw::JsonValue;

constexpr std::string_view kDiscovery = ".well-known/openid-configuration";

Result<JsonValue> get_json(const std::string& text,
                           const std::optional<std::filesystem::path>& ca_file) {
    TRY(const HttpsUrl url, parse_https_url(text));
    TRY(const std::string body, https_get(url, ca_file));
    auto value = claw::parse_json(body, claw::JsonRules::javascript);
    return value.ok() && value->is_object()
               ? std::move(value)
               : Error(ErrorCode::malformed_json, text + " answers with what is no JSON object");
}

Result<std::string> member(const JsonValue& object, std::string_view name) {
    const JsonValue* value = object.get_object().if_contains(name);
    return value != nullptr && value->is_string()
               ? Result<std::string>(std::string(value->get_string()))
               : Error(ErrorCode::invalid_field,
                       "the issuer's configuration has no " + std::string(name));
}

/// OpenID Connect Discovery 1.0, section 4: what is fetched must say that it is the issuer's.
Result<std::string> keys_of(const FetchTerms& terms) {
    const std::string slash = terms.issuer.ends_with('/') ? "" : "/";
    TRY(const JsonValue configuration,
        get_json(terms.issuer + slash + std::string(kDiscovery), terms.ca_file));
    TRY(const std::string issuer, member(configuration, "issuer"));
    if (issuer != terms.issuer) {
        return Error(ErrorCode::invalid_field,
                     "what is there is the configuration of another issuer, " + issuer);
    }
    TRY(const std::string jwks_uri, member(configuration, "jwks_uri"));
    TRY(const JsonValue keys, get_json(jwks_uri, terms.ca_file));
    TRY(const auto usable, claw::parse_oidc_jwks(claw::json_text(keys)));
    return claw::oidc_jwks_text(usable);
}

/// What the daemon believes now, when it is the same issuer.
std::optional<policy::OidcTrust> known_trust(const Connection& to, const std::string& issuer) {
    const auto reply = request(to.socket, "GET", "/v1/oidc", "");
    const auto answer = reply.ok() && reply->status == 200
                            ? claw::parse_json(reply->body, claw::JsonRules::javascript)
                            : Result<JsonValue>(Error(ErrorCode::not_found, ""));
    const JsonValue* document =
        answer.ok() && answer->is_object() ? answer->get_object().if_contains("oidc") : nullptr;
    if (document == nullptr) {
        return std::nullopt;
    }
    auto trust = policy::parse_oidc_trust(claw::json_text(*document));
    return trust.ok() && trust->issuer == issuer ? std::optional(*std::move(trust)) : std::nullopt;
}

/// The document that is filed, read once more as the daemon reads it.
Result<std::string> document_of(const Connection& to, const FetchTerms& terms) {
    TRY(const std::string keys, keys_of(terms));
    const auto known = known_trust(to, terms.issuer);
    const std::string audience =
        !terms.audience.empty() ? terms.audience : (known ? known->audience : "");
    if (audience.empty()) {
        return Error(ErrorCode::invalid_field,
                     "--audience is missing: our client id at this issuer");
    }
    const std::string groups =
        !terms.groups_claim.empty() ? terms.groups_claim : (known ? known->groups_claim : "groups");
    const std::string text =
        claw::JsonWriter()
            .text("issuer", terms.issuer)
            .text("audience", audience)
            .text("groups_claim", groups)
            .boolean("require_nonce", terms.require_nonce || (known && known->require_nonce))
            .raw("jwks", keys)
            .done();
    TRY(const auto trust, policy::parse_oidc_trust(text));
    return policy::oidc_trust_text(trust);
}

}  // namespace

int fetch_oidc(const Connection& to, const FetchTerms& terms) {
    const auto document = document_of(to, terms);
    if (!document.ok()) {
        return report(document.error(), to.json);
    }
    if (!to.json) {
        const auto value = claw::parse_json(*document, claw::JsonRules::javascript);
        std::printf("%s\n\n", value.ok() ? indented(*value).c_str() : "");
    }
    if (!is_meant(terms.yes, "Ask the operators to believe this issuer and these keys?")) {
        std::fputs("clawsigner: nothing was filed\n", stderr);
        return kRefused;
    }
    claw::JsonWriter body;
    body.raw("oidc", *document);
    if (!terms.why.empty()) {
        body.text("why", terms.why);
    }
    return talk(to, "POST", "/v1/oidc", body.done(),
                [](const JsonObject& answer) { (void)print_waiting(answer); });
}

}  // namespace clawsigner::cli
