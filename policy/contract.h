#pragma once

#include "base/result.h"
#include "claw/legacy_receipt.h"
#include "claw/receipt.h"
#include "claw/token.h"
#include "claw/work_policy.h"
#include "policy/mapped_request.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What each member of a Work Policy Contract does, and where.
namespace clawsigner::policy {

/// A member of a contract, and what holds somebody to it: the token that is issued, the decision
/// before a call, the receipt after it; or the proxy alone, because only it sees what the member is
/// about.
struct ContractMember {
    std::string_view name;  // "metadata.tool_allowlist"
    bool token = false;
    bool decision = false;
    bool receipt = false;
    bool proxys_duty = false;
    std::string_view rule;  // that says no here; empty where nothing is refused here
    std::string_view what;  // one sentence, as docs/api/work-policy.md has it
};

/// Every member there is. claw::WorkPolicy refuses a member that is in no row;
/// docs/api/work-policy.md and the tests are held against it.
inline constexpr std::array kContractMembers{
    ContractMember{"policy_version", false, false, false, false, "",
                   "Says how the contract is read; \"1\"."},
    ContractMember{
        "policy_id", true, false, false, false, "pin.version",
        "Is what a pin's `policy_version` must equal, unless `metadata.version` is there."},
    ContractMember{"issuer_did", false, false, false, false, "",
                   "Says whose contract it is. Who signed it is the envelope's `signer_did`."},
    ContractMember{"allowed_providers", false, true, true, false, "wpc.provider",
                   "The provider of a call is one of them."},
    ContractMember{"allowed_models", true, true, true, false, "wpc.model",
                   "A `model:` scope, and the model of a call, matches one of the patterns."},
    ContractMember{
        "minimum_model_identity_tier", false, true, true, false, "wpc.model_identity",
        "A call is refused above `closed_opaque`, which is all that clawproxy can say of "
        "a model; a receipt states at least this tier in `metadata.model_identity`."},
    ContractMember{"required_audit_packs", false, false, false, true, "",
                   "Belong to the run's proof bundle, which is not made here."},
    ContractMember{"redaction_rules", false, false, false, true, "",
                   "Change the request's body, which only the proxy sees."},
    ContractMember{"receipt_privacy_mode", false, false, true, false, "wpc.privacy",
                   "With `hash_only` no receipt is in the mode `encrypted`, or holds what was "
                   "encrypted."},
    ContractMember{"egress_allowlist", true, true, false, false, "wpc.egress",
                   "An `egress:` scope, and the host of a call, is below one of the entries."},
    ContractMember{"metadata", false, false, false, false, "",
                   "Is free but for the members below."},
    ContractMember{"metadata.version", true, false, false, false, "pin.version",
                   "Is what a pin's `policy_version` must equal."},
    ContractMember{"metadata.tool_allowlist", true, true, false, false, "wpc.tool",
                   "A `tool:` scope, and the tool of a call, is one of them."},
    ContractMember{
        "metadata.change_window_utc", true, true, true, false, "wpc.window",
        "No token is issued and no call is made outside the window; a token ends with it."},
    ContractMember{"metadata.write_requires_approval", true, true, false, false, "wpc.approval",
                   "When true, no token: approvals of writes cannot be checked yet."},
    ContractMember{"metadata.runtime", true, true, false, false, "wpc.runtime",
                   "When there, no token: the posture of a runtime cannot be checked yet."},
};

/// May a token of this grant be issued under the contract at `now`, and until when at most? Each of
/// its tool:, model: and egress: scopes must be allowed; `exp` is the end asked for, and the answer
/// is that or the window's end, whichever is earlier (both Unix seconds). For tokens by {"claims"}
/// that name a contract; policy/token_decision.h does the same for mapped ones. Error:
/// policy_denied by wpc.approval, wpc.runtime, wpc.window, wpc.tool, wpc.model, wpc.egress, with
/// the member's path under `path`.
Result<std::int64_t> within_contract(const claw::WorkPolicy& policy, const claw::TokenGrant& grant,
                                     std::int64_t now, std::int64_t exp,
                                     std::string_view path = "claims");

/// Does the contract allow one scope? True for those that are not of a kind it speaks of.
bool contract_allows_scope(const claw::WorkPolicy& policy, std::string_view scope);

/// May the call be made under the contract at `now`? Error: policy_denied by wpc.approval,
/// wpc.runtime, wpc.window, wpc.provider, wpc.model, wpc.model_identity, wpc.tool, wpc.egress.
Status call_within_contract(const claw::WorkPolicy& policy, const Call& call, std::int64_t now);

/// May this receipt be signed under the contract? Only the column "receipt", apart from the window:
/// whether the call was in time is decide_call's, at the time of the call. `legacy` where the v1.0
/// receipt is wanted. Error: policy_denied by wpc.provider, wpc.model, wpc.model_identity,
/// wpc.privacy.
Status receipt_within_contract(const claw::WorkPolicy& policy, const claw::ReceiptContent& receipt,
                               const std::optional<claw::LegacyContent>& legacy);

}  // namespace clawsigner::policy
