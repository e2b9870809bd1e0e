#include "claw/token_verify.h"
#include "crypto/key_forms.h"
#include "fuzz/fuzz.h"

namespace clawsigner::fuzz {

// The corpus holds genuine tokens of one key; the only thing a mutation may not do is stay valid
// and say something else, or crash.
void fuzz(std::span<const std::uint8_t> input) {
    static const claw::TokenTrust trust{
        {crypto::public_key_from_did("did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw")
             .value()},
        UnixMillis(std::chrono::seconds(1'767'225'601)),
        std::nullopt};
    const auto result = claw::verify_token(as_text(input), trust);
    require(result.verdict.valid() == result.token.has_value());
    require(result.verdict.valid() == result.verdict.message.empty());
    if (result.token) {
        require(result.token->grant.sub == "did:key:zAgent");
        require(result.token->grant.scope == std::vector<std::string>{"proxy:call"});
    }
}

}  // namespace clawsigner::fuzz
