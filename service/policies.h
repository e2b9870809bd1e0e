#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "hsm/keyring.h"
#include "ledger/log.h"
#include "policy/exempt_callers.h"
#include "policy/id_token.h"
#include "policy/policies.h"
#include "policy/scope_mapping.h"
#include "policy/trust_settings.h"
#include "service/lifecycle.h"
#include "service/policy_rows.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace clawsigner::service {

/// Something of the policy that the state names and that cannot be had: it counts as not there.
struct PolicyFault {
    std::string row;  // "mapping/document", "policy/0a1b…"
    Error why;
};

/// All that the state says of users, tokens and contracts, parsed. Immutable: who has one sees one
/// moment of the state.
struct PolicySnapshot {
    policy::TrustSettings trust;   // believes nobody, where the state says none
    policy::ExemptCallers exempt;  // whose receipts may come without a CST
    std::optional<policy::ScopeMapping> mapping;
    std::optional<policy::OidcTrust> oidc;
    /// Contracts by hash, for the decisions of policy/. One that was signed elsewhere by somebody
    /// who is not trusted any more counts as withdrawn.
    policy::KnownPolicies contracts;
    /// What the state says of each contract, also of those that cannot be had.
    std::map<std::string, ContractRecord, std::less<>> records;
    std::vector<PolicyFault> faults;
};

/// A contract that is handed in: as its payload, to be signed here when it is activated, or in the
/// envelope of somebody else who signed it.
struct ContractAsked {
    std::string hash;
    std::string text;                     // canonical: the document of that hash
    std::optional<std::string> envelope;  // verified
    std::optional<std::string> signer_did;
};

/// Whom the appliance believes, whole.
struct TrustState {
    policy::TrustSettings settings;
    policy::ExemptCallers exempt;
    friend bool operator==(const TrustState&, const TrustState&) = default;
};
/// `current` with one setting changed: those of policy::with_setting, and "receipts_without_cst".
/// Errors: as with_setting, parse_exempt_callers.
Result<TrustState> with_trust_setting(TrustState current, const std::string& key,
                                      const std::string& value);
bool is_no_wider(const TrustState& next, const TrustState& current);

/// The policy in the ledger's state: who may have which tokens, under which contracts. Rows name
/// documents by their digest, and a document counts only while it has that digest. Thread-safe.
class Policies {
public:
    static constexpr std::size_t kMaxContracts = 1024;

    struct Options {
        std::chrono::milliseconds deadline{2'000};  // of a signature
        /// Called for each fault when it is found, from any thread; must not call back.
        std::function<void(const PolicyFault&)> on_fault = [](const PolicyFault&) {};
    };

    /// All outlive it.
    Policies(ledger::Log& log, Lifecycle& lifecycle, const hsm::Keyring& keyring,
             const Clock& clock, Options options);

    /// As of now; cheap while the state is the same. Never null.
    std::shared_ptr<const PolicySnapshot> snapshot() const;

    /// Sets trust and exemptions where the state says none yet; what it says stays. Errors: as
    /// Lifecycle::act.
    Status seed(const TrustState& trust);

    // The acts. `doing` says on whose word; what widens power carries out an approved request.
    // Errors of each also: as Lifecycle::act.

    /// The mapping from here on; `text` is ScopeMapping::text(). Errors: as ScopeMapping::parse.
    Status set_mapping(Doing doing, const std::string& text);
    /// Whose ID tokens are believed from here on; `text` is oidc_trust_text(). Errors: as
    /// parse_oidc_trust.
    Status set_oidc(Doing doing, const std::string& text);
    /// One of the settings of trust, or "receipts_without_cst". Errors: as policy::with_setting,
    /// parse_exempt_callers.
    Status set_trust(Doing doing, const std::string& key, const std::string& value);
    /// Likewise, when nobody and nothing more is believed then. False, and nothing is done, when
    /// more would be.
    Result<bool> narrow_trust(Doing doing, const std::string& key, const std::string& value);

    /// What was added: or that it was there.
    struct Added {
        ContractRecord record;
        bool existed = false;
    };
    /// Keeps a contract, which gives nobody anything before it is activated; and puts back a
    /// document that is missing. Errors: too_large, when there are kMaxContracts; policy_denied by
    /// wpc.signer, when it is known and another has signed it.
    Result<Added> add(Doing doing, const ContractAsked& asked);
    /// Would it be activated now? Errors: not_found; illegal_transition, when it is active; as
    /// hsm::Keyring::active, when it has to be signed here; as verify_work_policy_envelope, when it
    /// was signed elsewhere.
    Status may_activate(const std::string& hash) const;
    /// Tokens may be issued under it from here on. It is signed here, unless it came signed.
    /// Errors: as may_activate, hsm::Signer::sign; key_not_active.
    Status activate(Doing doing, const std::string& hash);
    /// No token any more under it, and no call. Errors: not_found; illegal_transition, when it is
    /// withdrawn already.
    Status withdraw(Doing doing, const std::string& hash);

    /// The signed envelope of an active contract. Errors: not_found; as ledger::Log::document.
    Result<std::string> envelope(std::string_view hash) const;
    /// A document by its digest: as ledger::Log::document; invalid_field, when it is no digest.
    Result<std::string> document(std::string_view digest) const;

private:
    Result<ContractRecord> record(std::string_view hash) const;
    Status sign(Doing& doing, ContractRecord& record, const claw::WorkPolicy& policy) const;
    Result<std::shared_ptr<const claw::WorkPolicy>> activable(const ContractRecord& record) const;
    Status write_trust(Doing doing, const std::string& key, const TrustState& trust);
    Status put(Doing doing, const char* act, const ContractRecord& record);

    ledger::Log& log_;
    Lifecycle& lifecycle_;
    const hsm::Keyring& keyring_;
    const Clock& clock_;
    const Options options_;
    std::mutex changing_;  // one change at a time
    mutable std::mutex mutex_;
    mutable std::shared_ptr<const claw::Settings> rows_;
    mutable std::shared_ptr<const PolicySnapshot> snapshot_ =
        std::make_shared<const PolicySnapshot>();
};

}  // namespace clawsigner::service
