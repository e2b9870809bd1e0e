#pragma once

#include "base/clock.h"
#include "claw/inclusion.h"
#include "claw/token.h"
#include "claw/verdict.h"
#include "crypto/public_key.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::claw {

/// What a token is held against.
struct TokenTrust {
    std::vector<crypto::PublicKey> keys;
    /// The moment it must be valid at; nothing, where the caller judges its time.
    std::optional<UnixMillis> at;
    std::optional<std::string> audience;  // one of its audiences, when given
};

struct TokenVerdict {
    Verdict verdict;
    std::optional<Token> token;  // present exactly when valid
    std::string kid;             // of the key that signed it, when valid
    std::string scope_hash;      // token_scope_hash of its grant, when valid
    std::string text;            // of the compact token, when valid
};

/// Is this text a CST that one of the keys signed, and valid at that moment? The text is the
/// compact token, or the answer that holds it ({"token":…,"claims":…}, which must then agree).
///
/// Checks what the ecosystem's verifiers check, and where they look away: the kid must name the
/// key, base64url has one spelling, no claim may be unknown or doubled, and the scope hash must be
/// there and be that of the claims. ES256 is accepted here; today's clawproxy refuses it.
TokenVerdict verify_token(std::string_view text, const TokenTrust& trust);

/// What the log must say of the token; nothing of one that is not valid.
std::optional<Recorded> recorded_of(const TokenVerdict& verdict);

}  // namespace clawsigner::claw
