#pragma once

#include "base/result.h"

#include <optional>
#include <string>
#include <string_view>

/// What operators are asked when the policy is to change: the arguments of those acts, which name a
/// document that is too long for them by its SHA-256, in base64url.
namespace clawsigner::policy {

/// {"document_sha256":D}: of mappings.set and oidc.set.
std::string document_arguments(std::string_view digest);

/// {"policy_hash_b64u":H}: of policies.activate. The document is the contract's canonical JSON,
/// whose SHA-256 is its hash.
std::string contract_arguments(std::string_view hash);

/// The digest of the document that an act with these arguments is about; nothing for an act that is
/// about none. Errors: malformed_json, invalid_field, when the arguments are not that act's.
Result<std::optional<std::string>> document_named(std::string_view act, std::string_view arguments);

struct TrustChange {
    std::string key;    // up to 64 bytes
    std::string value;  // may be empty
};
/// {"key":…,"value":…}: of trust.set.
std::string trust_arguments(const TrustChange& change);
/// Errors: malformed_json, invalid_field.
Result<TrustChange> parse_trust_arguments(std::string_view arguments);

}  // namespace clawsigner::policy
