#pragma once

#include "base/clock.h"
#include "claw/key_record.h"

#include <chrono>
#include <string>
#include <string_view>

/// Clawscope's rotation contract, version 2 (GET /v1/keys/rotation-contract): which keys are
/// accepted now, and how long an old one is after a new one signs.
namespace clawsigner::claw {

inline constexpr std::string_view kJwksEndpoint = "/v1/jwks";

/// The contract of a family, members in clawscope's order.
///
/// key_algorithm is the curve as the JWK of the first published key says it: "Ed25519", which is
/// all that clawscope knows, or "P-256"; empty when none is published. active_kid is empty when no
/// key is active. overlap_window_open as there: there is an overlap, and more than one key is
/// accepted. revocation_stream_endpoint is empty, since this appliance has no such stream; readers
/// take any string.
std::string rotation_contract_text(const FamilyKeys& family, UnixMillis now,
                                   std::chrono::seconds overlap);

}  // namespace clawsigner::claw
