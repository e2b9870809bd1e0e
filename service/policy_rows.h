#pragma once

#include "base/result.h"
#include "claw/log_state.h"
#include "crypto/digest.h"
#include "policy/policies.h"

#include <optional>
#include <string>
#include <string_view>

/// How the state names the documents that policy is made of: a row holds a document's SHA-256 in
/// base64url, and the ledger keeps the text under it.
namespace clawsigner::service {

inline constexpr std::string_view kMappingRow = "mapping/document";
inline constexpr std::string_view kOidcRow = "oidc/document";
inline constexpr std::string_view kTrustRow = "trust/settings";  // policy::TrustSettings
inline constexpr std::string_view kExemptRow = "trust/exempt";   // policy::ExemptCallers
inline constexpr std::string_view kContractRows = "policy/";     // … of each contract

/// What the state says of one Work Policy Contract. Its text is the document of its own hash.
struct ContractRecord {
    std::string hash;  // policy_hash_b64u
    policy::PolicyState state = policy::PolicyState::added;
    std::optional<std::string> envelope;    // the document with the signed envelope, once there
    std::optional<std::string> signer_did;  // whose it is, where it was signed elsewhere
    friend bool operator==(const ContractRecord&, const ContractRecord&) = default;
};

/// "policy/" and the hash in hexadecimal: names of rows have no upper case.
std::string contract_row_name(std::string_view hash);
/// Canonical JSON: {"envelope":…,"hash":…,"signer_did":…,"state":…,"v":1}, without what there is
/// not.
std::string contract_row_text(const ContractRecord& record);
/// Accepts exactly what contract_row_text gives for a row of this name. Errors: malformed_json,
/// invalid_field.
Result<ContractRecord> parse_contract_row(const claw::SettingRow& row);

/// 43 characters of base64url, in their one spelling. Error: invalid_field at `field`.
Result<crypto::Sha256> digest_of(std::string_view text, std::string_view field);

}  // namespace clawsigner::service
