#pragma once

#include "base/result.h"
#include "crypto/family.h"
#include "service/lifecycle.h"

#include <string>

namespace clawsigner::service {

/// A key that is to be adopted into a family.
struct AdoptionAsked {
    crypto::Family family{};
    Adoption adoption;
};

/// Canonical JSON (RFC 8785), for operators to approve of: {"family":…,"issued_at":…,"old_did":…,
/// "overlap_seconds":…,"reason":…,"rotation_id":…,"signature_old_b64u":…}. All of it is public.
std::string adoption_arguments(const AdoptionAsked& asked);

/// Reads the same, and nothing else. Errors: malformed_json, invalid_field.
Result<AdoptionAsked> parse_adoption(const std::string& text);

}  // namespace clawsigner::service
