#pragma once

#include "base/result.h"
#include "service/appliance.h"

#include <string>

/// What verifiers are given of a family's keys, each in the ecosystem's own form; JSON texts.
/// Errors of all: key_missing, when the family has no key to tell of; hsm_down, pin_held, while a
/// store that was never looked into is not ready.
namespace clawsigner::service {

/// Every key a verifier may accept now, the signing one first (claw/published_keys.h).
Result<std::string> published_jwks(const Appliance& appliance, crypto::Family family);

/// The DID document of the gateway, and the issuer's answer (claw/did_document.h). Error also:
/// key_missing, when no key is active.
Result<std::string> gateway_did(const Appliance& appliance);
Result<std::string> issuer_did(const Appliance& appliance);

/// claw/rotation_contract.h.
Result<std::string> rotation_contract(const Appliance& appliance, crypto::Family family);

/// A snapshot of this moment, signed by the active key (claw/key_snapshot.h). Errors: as
/// hsm::Backend::sign.
Result<std::string> key_snapshot(const Appliance& appliance, crypto::Family family);

/// {"rotations":[…]}: the did_rotation certificates of the family, the oldest first.
Result<std::string> rotation_certificates(const Appliance& appliance, crypto::Family family);

/// claw/well_known.h.
Result<std::string> well_known(const Appliance& appliance);

/// {"manifest":…,"leaf":…,"proof":…}: the newest key manifest, its leaf, and the proof that the
/// leaf is in the log. Errors: not_yet, while the leaf is under no checkpoint; as log_proof.
Result<std::string> key_manifest(const Appliance& appliance);

}  // namespace clawsigner::service
