#pragma once

#include "base/result.h"
#include "claw/token_request.h"
#include "service/appliance.h"

#include <string>

namespace clawsigner::service {

struct IssuedToken {
    std::string token;   // compact JWS
    std::string claims;  // as they stand in the token
    std::string kid;
    std::string token_hash;  // hex SHA-256 of the token
    std::string scope_hash;
};

/// Decides, builds and signs one token. Errors: invalid_field, where the request expects what will
/// not be; policy_denied; as hsm::Signer::sign.
Result<IssuedToken> issue_token(const Appliance& appliance, const claw::TokenRequest& request);

}  // namespace clawsigner::service
