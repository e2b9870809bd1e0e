#pragma once

#include "base/result.h"
#include "claw/token_request.h"
#include "service/appliance.h"
#include "service/made.h"

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
/// not be; policy_denied; as hsm::Signer::sign; ledger_blocked, ledger_damaged.
Result<Made<IssuedToken>> issue_token(const Appliance& appliance, const claw::LeafCaller& caller,
                                      const claw::TokenRequest& request);

/// What the caller gets, now that the ledger has spoken. A token that was not recorded is wiped.
Result<IssuedToken> settled(Made<IssuedToken> made, const ledger::Outcome& outcome);

}  // namespace clawsigner::service
