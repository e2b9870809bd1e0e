#pragma once

#include "base/result.h"
#include "crypto/public_key.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::claw {

/// {"keys":[…]} as clawscope prints it: kty, crv, x (and y), kid, alg, use "sig", ext true.
std::string jwks_text(std::span<const crypto::PublicKey> keys);

/// Reads a JWK set of signature keys. Every key must be one we can use and its kid must be its own;
/// members that say nothing about which key it is (use, ext, key_ops) are checked and dropped.
/// Errors: malformed_json, invalid_field.
Result<std::vector<crypto::PublicKey>> parse_jwks(std::string_view text);

}  // namespace clawsigner::claw
