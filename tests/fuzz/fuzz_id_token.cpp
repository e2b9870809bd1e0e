#include "crypto/key_forms.h"
#include "fuzz/fuzz.h"
#include "policy/id_token.h"

namespace clawsigner::fuzz {
namespace {

constexpr std::int64_t kNow = 1'767'225'600;

// The key of RFC 8032, section 7.1, test 1, which signed the tokens of the corpus.
policy::OidcTrust trusting() {
    return policy::parse_oidc_trust(
               R"({"issuer":"https://acme.okta.com","audience":"clawsigner","jwks":{"keys":[)"
               R"({"kty":"OKP","crv":"Ed25519","kid":"k","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}})")
        .value();
}

}  // namespace

// A mutation may not make a token say something else, nor count as another use of it; a key set or
// a trust that is read has one text.
void fuzz(std::span<const std::uint8_t> input) {
    static const policy::OidcTrust trust = trusting();
    const std::string_view text = as_text(input);
    if (const auto token = policy::verify_id_token(trust, text, kNow, ""); token.ok()) {
        require(token->subject == "00u1alice");
        require(token->groups == std::vector<std::string>{"platform-engineers"} ||
                token->groups.empty());
        require(token->use_key.size() == 43);
    } else {
        require(token.error().code == ErrorCode::policy_denied && !token.error().rule.empty());
    }
    if (const auto keys = claw::parse_oidc_jwks(text); keys.ok()) {
        require(!keys->empty() && keys->size() <= claw::kMaxOidcKeys);
        require(claw::parse_oidc_jwks(claw::oidc_jwks_text(*keys)).value() == *keys);
    }
    if (const auto read = policy::parse_oidc_trust(text); read.ok()) {
        const std::string written = policy::oidc_trust_text(*read);
        const auto again = policy::parse_oidc_trust(written);
        require(again.ok() && *again == *read && policy::oidc_trust_text(*again) == written);
    }
}

}  // namespace clawsigner::fuzz
