#pragma once

#include "base/result.h"
#include "claw/json.h"
#include "claw/token.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clawsigner::claw {

/// What an issuer asks to have signed: POST /v1/tokens.
struct TokenRequest {
    TokenGrant grant;
    /// How long it is to live, or until when, in (Unix) seconds: at most one of them.
    std::optional<std::int64_t> ttl;
    std::optional<std::int64_t> exp;
    /// What the caller believes we will write: refused where it is not.
    std::optional<std::int64_t> expected_iat;
    std::optional<std::string> expected_scope_hash;
};

/// The body {"claims":{…}}, read at the door's rules. `token_lane` is canonical when owner and
/// controller are named (agent_did is then sub, unless given), else legacy; it may be stated.
/// `tier` may be sent as "default": there are no others here. Errors: malformed_json; invalid_field
/// with the member's path; scope_too_large.
Result<TokenRequest> parse_token_request(std::string_view body);
/// The same of a body that is parsed already, by the same rules.
Result<TokenRequest> read_token_request(const JsonValue& body);

}  // namespace clawsigner::claw
