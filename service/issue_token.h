#pragma once

#include "base/result.h"
#include "claw/token_request.h"
#include "policy/mapped_request.h"
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

/// For an issuer that is trusted to have authenticated the user itself: decides by the ceiling and
/// the contract that is named, builds and signs one token. Errors: invalid_field, where the request
/// expects what will not be; policy_denied, by claims.off, ceiling.*, pin.* or wpc.*; as
/// hsm::Signer::sign; ledger_blocked, ledger_damaged.
Result<Made<IssuedToken>> issue_token(const Appliance& appliance, const claw::LeafCaller& caller,
                                      const claw::TokenRequest& request);

/// For a user who logged in: verifies the ID token, which is good for one token and spent in its
/// leaf, and decides by mapping and contracts. Errors: policy_denied, by oidc.*, mapping.*, pin.*
/// or wpc.*; scope_too_large; as above.
Result<Made<IssuedToken>> issue_mapped_token(const Appliance& appliance,
                                             const claw::LeafCaller& caller,
                                             const policy::TokenRequestBody& request);

/// From a live token of this appliance one that may do less. Errors: policy_denied, by token.*,
/// narrow.*, pin.* or wpc.*; as above.
Result<Made<IssuedToken>> narrow_token(const Appliance& appliance, const claw::LeafCaller& caller,
                                       const policy::NarrowRequest& request);

/// What the caller gets, now that the ledger has spoken. A token that was not recorded is wiped.
Result<IssuedToken> settled(Made<IssuedToken> made, const ledger::Outcome& outcome);

}  // namespace clawsigner::service
