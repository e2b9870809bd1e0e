#include "claw/javascript_text.h"
#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "claw/unicode.h"
#include "policy/id_token.h"

namespace clawsigner::policy {
namespace {

constexpr std::string_view kForm = "trust.form";
constexpr std::size_t kMaxText = 512;

std::string read_name(claw::JsonReader& in, std::string_view name) {
    std::string text = in.text(name, kMaxText);
    if (!claw::is_printable_utf8(text) || claw::trim(text) != text) {
        in.refuse(name, "must have no control characters, and no space at its ends");
    }
    return text;
}

}  // namespace

std::string oidc_trust_text(const OidcTrust& trust) {
    return claw::JsonWriter()
        .text("audience", trust.audience)
        .text("groups_claim", trust.groups_claim)
        .text("issuer", trust.issuer)
        .raw("jwks", claw::oidc_jwks_text(trust.keys))
        .boolean("require_nonce", trust.require_nonce)
        .integer("v", 1)
        .done();
}

Result<OidcTrust> parse_oidc_trust(std::string_view text) {
    if (text.size() > claw::kMaxOidcJwksBytes) {
        return claw::under_rule(
            Error(ErrorCode::too_large, "an OIDC trust may have at most 65536 bytes"), kForm);
    }
    const auto document = claw::parse_json(text, claw::JsonRules::javascript);
    if (!document.ok()) {
        return claw::under_rule(document.error(), kForm);
    }
    claw::JsonReader in(*document, "", kForm);
    OidcTrust trust;
    trust.issuer = read_name(in, "issuer");
    if (!trust.issuer.starts_with("https://")) {
        in.refuse("issuer", "must be an https URL");
    }
    trust.audience = read_name(in, "audience");
    if (in.has("groups_claim")) {
        trust.groups_claim = read_name(in, "groups_claim");
    }
    if (in.has("require_nonce")) {
        trust.require_nonce = in.boolean("require_nonce");
    }
    if (in.has("v")) {
        (void)in.integer("v", 1, 1);
    }
    trust.keys = claw::read_oidc_jwks(in, "jwks");
    CHECK_OK(in.finish());
    return trust;
}

}  // namespace clawsigner::policy
