#include "claw/token_request.h"
#include "crypto/key_forms.h"
#include "fuzz/fuzz.h"

namespace clawsigner::fuzz {

// Every request that is accepted becomes claims that are strict JSON and read back as the same
// grant.
void fuzz(std::span<const std::uint8_t> input) {
    const auto request = claw::parse_token_request(as_text(input));
    if (!request.ok()) {
        require(!request.error().message.empty());
        return;
    }
    static const auto signer = crypto::identity_of(
        crypto::public_key_from_did("did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw")
            .value());
    const claw::Token token{request->grant, 1, 2, "", ""};
    const auto made = claw::UnsignedToken::of(token, signer);
    require(made.ok());
    std::string claims = made->claims();
    claims.resize(claims.find(R"(,"jti":)"));  // those are ours and cannot be asked for
    std::string again_text = R"({"claims":)" + claims + "}}";
    again_text.replace(again_text.find(R"(,"exp":2)"), 8, "");
    const auto again = claw::parse_token_request(again_text);
    require(again.ok());
    require(claw::token_scope_hash(again->grant) == made->scope_hash());
    require(claw::UnsignedToken::of({again->grant, 1, 2, "", ""}, signer)->claims() ==
            made->claims());
}

}  // namespace clawsigner::fuzz
