#pragma once

#include "base/result.h"
#include "claw/json.h"
#include "claw/token.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// What is asked for, read strictly: the bodies of POST /v1/tokens (with an ID token),
/// /v1/tokens/narrow and /v1/decisions.
namespace clawsigner::policy {

/// What a token is to be, within what the mapping gives.
struct MappedRequest {
    std::string sub;
    std::vector<std::string> aud;
    bool aud_is_array = false;
    /// Exactly these scopes (and proxy:call); absent: all that may be had.
    std::optional<std::set<std::string>> scope;
    std::optional<std::chrono::seconds> ttl;
    /// Names the pin among several; never drops it.
    std::optional<std::string> policy_hash_b64u;
    std::optional<claw::TokenLane> lane;
    bool names_agent = false;  // agent_did was there, and equal to sub
    std::optional<double> spend_cap;
    /// The claims that only an entry's list allows, by name (MappingEntry::claims).
    std::map<std::string, std::string, std::less<>> claims;
};

/// {"id_token":…,"request":{…}}. Members of the request are those of the token, under its names:
/// sub and aud must be there; scope, ttl_sec, policy_hash_b64u, token_lane, spend_cap, agent_did
/// (which must equal sub) and those of MappedRequest::claims may be.
struct TokenRequestBody {
    std::string id_token;
    MappedRequest request;
    /// H(JCS(request)): what the ID token's nonce must be where the trust demands one.
    std::string nonce;
};

/// Is this the body of a mapped request? By the names of its members only: it has "id_token". The
/// other form, {"claims"}, is claw::read_token_request's.
bool is_mapped_request(const claw::JsonValue& body);

/// Errors: malformed_json; invalid_field by request.form, request.scope or request.ttl, with the
/// member's path; scope_too_large.
Result<TokenRequestBody> parse_mapped_request(std::string_view body);
/// The same of a body that is parsed already, by the door's rules.
Result<TokenRequestBody> read_mapped_request(const claw::JsonValue& body);

/// {"cst":…,"request":{…}}: `request` as above, but all of it may be absent: what is not said stays
/// as the token has it.
struct NarrowRequest {
    std::string cst;
    std::optional<std::vector<std::string>> aud;
    bool aud_is_array = false;
    std::optional<std::set<std::string>> scope;
    std::optional<std::chrono::seconds> ttl;
    std::optional<std::string> policy_hash_b64u;  // must be the token's
    std::optional<double> spend_cap;
};
/// `request` may have aud, scope, ttl_sec, policy_hash_b64u and spend_cap. Errors as above.
Result<NarrowRequest> parse_narrow_request(std::string_view body);

/// One model call that is about to be made, and the tool and host it is for.
struct Call {
    std::string provider;
    std::string model;
    std::optional<std::string> tool;
    std::optional<std::string> host;
};

/// {"cst":…,"provider":…,"model":…,"tool"?:…,"host"?:…}
struct DecisionRequest {
    std::string cst;
    Call call;
};
/// tool is a claw::is_plain_name and host a host name (policy/patterns.h); provider and model have
/// 1 to 256 bytes, no control character. Errors: malformed_json; invalid_field by request.form.
Result<DecisionRequest> parse_decision_request(std::string_view body);

}  // namespace clawsigner::policy
