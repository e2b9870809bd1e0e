#pragma once

#include "base/clock.h"
#include "claw/key_record.h"

#include <string>

/// /.well-known/clawsig.json, version 1 (the ecosystem's WELL_KNOWN_CLAWSIG_v1), as far as an
/// appliance that signs receipts can vouch for it: version, supported_receipt_types and
/// public_keys. The endpoints and the DID of the domain it is published under are not this
/// appliance's to know.
namespace clawsigner::claw {

/// The document of the family gateway_receipt: every published key with kid, did, algorithm, use
/// "receipt-signing" and, where it has an end, expires_at. The schema knows no algorithm but
/// "Ed25519" and does not require one: a P-256 key is without, its did says it.
std::string well_known_text(const FamilyKeys& receipts, UnixMillis now);

}  // namespace clawsigner::claw
