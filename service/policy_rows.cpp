#include "service/policy_rows.h"

#include "claw/json_reader.h"
#include "claw/json_writer.h"

#include <algorithm>
#include <array>

namespace clawsigner::service {
namespace {

constexpr std::size_t kHash = 43;
constexpr std::size_t kMaxDid = 256;
constexpr std::array kStates{policy::PolicyState::added, policy::PolicyState::active,
                             policy::PolicyState::withdrawn};

}  // namespace

Result<crypto::Sha256> digest_of(std::string_view text, std::string_view field) {
    const auto bytes = base::base64url_decode(text);
    crypto::Sha256 digest{};
    if (!bytes.ok() || bytes->size() != digest.size()) {
        return Error::at(std::string(field), "must be the 43 characters of a SHA-256 in base64url");
    }
    std::ranges::copy(*bytes, digest.begin());
    return digest;
}

std::string contract_row_name(std::string_view hash) {
    const auto digest = base::base64url_decode(hash);
    return std::string(kContractRows).append(digest.ok() ? base::hex_encode(*digest) : "");
}

std::string contract_row_text(const ContractRecord& record) {
    return claw::JsonWriter()
        .optional_text("envelope", record.envelope)
        .text("hash", record.hash)
        .optional_text("signer_did", record.signer_did)
        .text("state", policy::policy_state_name(record.state))
        .integer("v", 1)
        .done();
}

Result<ContractRecord> parse_contract_row(const claw::SettingRow& row) {
    TRY(const claw::JsonValue document, claw::parse_json(row.value, claw::JsonRules::javascript));
    claw::JsonReader in(document, "");
    (void)in.integer("v", 1, 1);
    ContractRecord record;
    record.hash = in.b64u("hash", kHash, kHash);
    record.envelope = in.optional_b64u("envelope", kHash, kHash);
    record.signer_did = in.optional_text("signer_did", kMaxDid);
    const std::string state = in.text("state", kMaxDid);
    const auto* known = std::ranges::find(kStates, state, policy::policy_state_name);
    if (known == kStates.end()) {
        in.refuse("state", "must be added, active or withdrawn");
    }
    CHECK_OK(in.finish());
    record.state = *known;
    if (contract_row_name(record.hash) != row.name || contract_row_text(record) != row.value) {
        return Error(ErrorCode::malformed_json, "a contract's row is not in its one form");
    }
    return record;
}

}  // namespace clawsigner::service
