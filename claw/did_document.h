#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "claw/key_record.h"

#include <string>
#include <string_view>

/// What the ecosystem's services answer on GET /v1/did, for all published keys of a family.
namespace clawsigner::claw {

/// Clawproxy's DID document, of the family gateway_receipt: every published key is a verification
/// method and makes assertions, since what it has signed still holds; only the active one
/// authenticates and is deployment.receiptSignerDidKey. `version` is the daemon's.
/// Error: key_missing, when no key is active.
Result<std::string> gateway_did_document(const FamilyKeys& receipts, UnixMillis now,
                                         std::string_view version);

/// Clawscope's answer, of the family cst: its did:web, and kid and public_key_b64u of the active
/// key. Error: key_missing, when no key is active.
Result<std::string> issuer_did_text(const FamilyKeys& tokens);

}  // namespace clawsigner::claw
