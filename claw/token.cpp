#include "claw/token.h"

#include "claw/json_writer.h"
#include "crypto/digest.h"

namespace clawsigner::claw {
namespace {

std::string audience_text(const TokenGrant& grant) {
    if (grant.aud_is_array) {
        return json_texts(grant.aud);
    }
    std::string out;
    append_json_string(out, grant.aud.front());
    return out;
}

std::string claims_text(const Token& token, std::string_view scope_hash) {
    const TokenGrant& grant = token.grant;
    JsonWriter out;
    out.text("token_version", "1")
        .text("sub", grant.sub)
        .raw("aud", audience_text(grant))
        .raw("scope", json_texts(grant.scope))
        .integer("iat", token.iat)
        .integer("exp", token.exp)
        .optional_text("owner_ref", grant.owner_ref)
        .optional_text("owner_did", grant.owner_did)
        .optional_text("controller_did", grant.controller_did)
        .optional_text("agent_did", grant.agent_did)
        .optional_text("policy_hash_b64u", grant.policy_hash_b64u)
        .optional_text("control_plane_policy_hash_b64u", grant.control_plane_policy_hash_b64u)
        .text("token_scope_hash_b64u", scope_hash)
        .optional_text("payment_account_did", grant.payment_account_did)
        .optional_number("spend_cap", grant.spend_cap)
        .optional_text("mission_id", grant.mission_id)
        .optional_text("delegation_id", grant.delegation_id)
        .optional_text("delegator_did", grant.delegator_did)
        .optional_text("delegate_did", grant.delegate_did)
        .optional_text("delegation_policy_hash_b64u", grant.delegation_policy_hash_b64u)
        .optional_text("delegation_spend_cap_minor", grant.delegation_spend_cap_minor);
    if (grant.delegation_expires_at) {
        out.integer("delegation_expires_at", *grant.delegation_expires_at);
    }
    return out.text("token_lane", lane_name(grant.lane))
        .text("jti", token.jti)
        .text("nonce", token.nonce)
        .done();
}

std::string header_text(const crypto::KeyIdentity& signer) {
    return JsonWriter()
        .text("alg", crypto::jws_algorithm(signer.key.algorithm()))
        .text("typ", "JWT")
        .text("kid", signer.kid)
        .done();
}

std::string b64u(std::string_view text) {
    return base::base64url_encode(base::as_bytes(text));
}

}  // namespace

std::string_view lane_name(TokenLane lane) noexcept {
    return lane == TokenLane::canonical ? "canonical" : "legacy";
}

bool TokenGrant::is_delegated() const noexcept {
    return delegation_id || delegator_did || delegate_did || delegation_policy_hash_b64u ||
           delegation_spend_cap_minor || delegation_expires_at;
}

Result<UnsignedToken> UnsignedToken::of(const Token& token, const crypto::KeyIdentity& signer) {
    std::string scope_hash = token_scope_hash(token.grant);
    std::string claims = claims_text(token, scope_hash);
    TRY(Input input, Input::of(b64u(header_text(signer)) + "." + b64u(claims)));
    return UnsignedToken(std::move(claims), std::move(scope_hash), std::move(input));
}

std::string UnsignedToken::text(const crypto::Signature& signature) const {
    const ByteView input = input_.bytes();
    std::string out(reinterpret_cast<const char*>(input.data()), input.size());
    return out.append(".").append(base::base64url_encode(signature));
}

std::string token_hash(std::string_view compact) {
    return base::hex_encode(crypto::sha256(compact));
}

}  // namespace clawsigner::claw
