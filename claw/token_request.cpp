#include "claw/token_request.h"

#include "claw/json_reader.h"

#include <cmath>

namespace clawsigner::claw {
namespace {

constexpr double kMaxSafeInteger = 9'007'199'254'740'991;
constexpr std::size_t kHashChars = 43;

/// A whole number of seconds, fractions dropped, as the ecosystem's issuer does; at least one.
std::optional<std::int64_t> read_seconds(JsonReader& in, std::string_view name) {
    const auto number = in.optional_number(name, 1, kMaxSafeInteger);
    return number ? std::optional(static_cast<std::int64_t>(std::floor(*number))) : std::nullopt;
}

void refuse_ours(JsonReader& in, std::string_view name) {
    if (in.optional_any(name) != nullptr) {
        in.refuse(name, "is made here and cannot be chosen");
    }
}

/// Settles the lane; the canonical one names its agent.
void settle_lane(JsonReader& in, TokenGrant& grant) {
    const auto stated = in.optional_one_of("token_lane", {"legacy", "canonical"});
    const bool chain = grant.owner_did && grant.controller_did;
    if (stated ? *stated == "legacy" : !chain) {
        grant.lane = TokenLane::legacy;
        return;
    }
    grant.lane = TokenLane::canonical;
    if (!grant.agent_did) {
        if (!is_did(grant.sub)) {
            in.refuse("sub", "must be a DID in the canonical lane, where it is the agent");
        }
        grant.agent_did = grant.sub;
    }
}

TokenRequest read_claims(JsonReader& in) {
    TokenRequest request;
    in.optional_constant("token_version", "1");
    in.optional_constant("tier", "default");
    request.grant = read_token_grant(in);
    settle_lane(in, request.grant);
    request.ttl = read_seconds(in, "ttl_sec");
    request.exp = read_seconds(in, "exp");
    if (request.ttl && request.exp) {
        in.refuse("ttl_sec", "and exp cannot both be given");
    }
    request.expected_iat = read_seconds(in, "iat");
    request.expected_scope_hash = in.optional_b64u("token_scope_hash_b64u", kHashChars, kHashChars);
    refuse_ours(in, "jti");
    refuse_ours(in, "nonce");
    check_token_grant(request.grant, in);
    return request;
}

}  // namespace

Result<TokenRequest> parse_token_request(std::string_view body) {
    TRY(const JsonValue document, parse_json(body, JsonRules::door));
    return read_token_request(document);
}

Result<TokenRequest> read_token_request(const JsonValue& body) {
    JsonReader outer(body, "");
    TokenRequest request;
    if (const JsonValue* claims = outer.object("claims")) {
        JsonReader in(*claims, "claims");
        request = read_claims(in);
        if (const Status read = in.finish(); !read.ok()) {
            outer.refuse(read.error());
        }
    }
    CHECK_OK(outer.finish());
    return request;
}

}  // namespace clawsigner::claw
