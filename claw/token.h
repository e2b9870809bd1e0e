#pragma once

#include "base/result.h"
#include "crypto/key_forms.h"
#include "crypto/signing_input.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The capability-scoped token (CST), version 1: a compact JWS whose claims say what an agent may
/// do. The limits are those of the ecosystem's issuer and verifiers together; what either refuses
/// is not signed.
namespace clawsigner::claw {

class JsonReader;

inline constexpr std::string_view kIssuerId = "did:web:clawscope.com";
inline constexpr std::size_t kMaxScopes = 64;
inline constexpr std::size_t kMaxScopeChars = 128;  // UTF-16 code units, as JavaScript counts
inline constexpr std::size_t kMaxAudiences = 64;
inline constexpr std::size_t kMaxClaimBytes = 512;
/// Of the compact form that a caller shows. A longer text is refused unread.
inline constexpr std::size_t kMaxTokenBytes = 49'152;

/// What the control plane may be asked for under the token: `canonical` tokens name the chain of
/// owner, controller and agent they come from.
enum class TokenLane : std::uint8_t { legacy, canonical };

/// "legacy", "canonical". Static storage.
std::string_view lane_name(TokenLane lane) noexcept;

/// Who may do what: the claims that do not change when a token is issued again. None is blank.
struct TokenGrant {
    std::string sub;
    std::vector<std::string> aud;
    bool aud_is_array = false;  // printed as it came: a string, or an array
    std::vector<std::string> scope;
    std::optional<std::string> owner_ref;
    std::optional<std::string> owner_did;
    std::optional<std::string> controller_did;
    std::optional<std::string> agent_did;
    std::optional<std::string> policy_hash_b64u;
    std::optional<std::string> control_plane_policy_hash_b64u;
    std::optional<std::string> payment_account_did;
    std::optional<double> spend_cap;
    std::optional<std::string> mission_id;
    std::optional<std::string> delegation_id;
    std::optional<std::string> delegator_did;
    std::optional<std::string> delegate_did;
    std::optional<std::string> delegation_policy_hash_b64u;
    std::optional<std::string> delegation_spend_cap_minor;
    std::optional<std::int64_t> delegation_expires_at;  // Unix seconds
    TokenLane lane = TokenLane::legacy;

    bool has_chain() const noexcept { return owner_did && controller_did && agent_did; }
    bool is_delegated() const noexcept;
};

/// Reads TokenGrant's members, all but the lane, from an object that may have others, trimmed where
/// the ecosystem's issuer trims. Faults stay with the reader.
TokenGrant read_token_grant(JsonReader& in);

/// Holds the members of a grant, its lane included, against each other. Faults go to the reader.
void check_token_grant(const TokenGrant& grant, JsonReader& in);

/// `^did:[a-z0-9]+:[a-zA-Z0-9._%-]+$`: what every one of the ecosystem's services takes.
bool is_did(std::string_view text) noexcept;

/// The token_scope_hash_b64u of a grant: H(JCS(…)) over its members, trimmed; audiences and scopes
/// sorted and without repetition. The lane is not part of it.
std::string token_scope_hash(const TokenGrant& grant);

/// The token_hash of a compact token: hex SHA-256 of its text.
std::string token_hash(std::string_view compact);

struct Token {
    TokenGrant grant;
    std::int64_t iat = 0;  // Unix seconds
    std::int64_t exp = 0;
    std::string jti;
    std::string nonce;
};

/// A token on its way to be signed.
class UnsignedToken {
public:
    /// Error: internal.
    static Result<UnsignedToken> of(const Token& token, const crypto::KeyIdentity& signer);

    /// The claims as they stand in the token.
    const std::string& claims() const noexcept { return claims_; }
    const std::string& scope_hash() const noexcept { return scope_hash_; }
    const crypto::SigningInput<crypto::Family::cst>& input() const noexcept { return input_; }

    /// The compact serialisation (RFC 7515 section 3.1).
    std::string text(const crypto::Signature& signature) const;

private:
    using Input = crypto::SigningInput<crypto::Family::cst>;
    UnsignedToken(std::string claims, std::string scope_hash, Input input)
        : claims_(std::move(claims)),
          scope_hash_(std::move(scope_hash)),
          input_(std::move(input)) {}

    std::string claims_;
    std::string scope_hash_;
    Input input_;
};

}  // namespace clawsigner::claw
