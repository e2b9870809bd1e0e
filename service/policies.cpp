#include "service/policies.h"

#include "base/secret.h"

#include <utility>

namespace clawsigner::service {
namespace {

constexpr const char* kExemptKey = "receipts_without_cst";

TrustState trust_of(const PolicySnapshot& snapshot) {
    return {snapshot.trust, snapshot.exempt};
}

/// What the whole of a document is kept by.
void keep(Doing& doing, std::string text) {
    doing.documents.push_back(std::move(text));
}

claw::ArtefactLeaf leaf_of(const Doing& doing, const claw::WorkPolicy& policy,
                           const claw::UnsignedWorkPolicy& unsigned_policy, const std::string& kid,
                           const std::string& envelope) {
    claw::ArtefactLeaf leaf;
    leaf.family = crypto::Family::work_policy;
    leaf.artefact = "work_policy_contract";
    leaf.id = policy.hash();
    leaf.kid = kid;
    leaf.signed_sha256 = base::base64url_encode(crypto::sha256(unsigned_policy.input().bytes()));
    leaf.answer_sha256 = crypto::sha256_b64u(envelope);
    leaf.rule = "approval";
    leaf.caller = doing.caller;
    leaf.policy_hash = policy.hash();
    return leaf;
}

}  // namespace

Result<TrustState> with_trust_setting(TrustState current, const std::string& key,
                                      const std::string& value) {
    if (key == kExemptKey) {
        TRY(current.exempt, policy::parse_exempt_callers(value));
        return current;
    }
    TRY(current.settings, policy::with_setting(std::move(current.settings), key, value));
    return current;
}

bool is_no_wider(const TrustState& next, const TrustState& current) {
    return policy::is_no_wider(next.settings, current.settings) &&
           policy::is_no_wider(next.exempt, current.exempt);
}

Policies::Policies(ledger::Log& log, Lifecycle& lifecycle, const hsm::Keyring& keyring,
                   const Clock& clock, Options options)
    : log_(log),
      lifecycle_(lifecycle),
      keyring_(keyring),
      clock_(clock),
      options_(std::move(options)) {}

Status Policies::seed(const TrustState& trust) {
    const std::lock_guard lock(changing_);
    CHECK_OK(lifecycle_.settled());
    if (log_.setting(std::string(kTrustRow))) {
        return Status::done();
    }
    Doing doing;
    doing.rows[std::string(kTrustRow)] = policy::trust_settings_text(trust.settings);
    doing.rows[std::string(kExemptRow)] = policy::exempt_callers_text(trust.exempt);
    return lifecycle_.act(doing, "trust.seed", "trust");
}

Status Policies::set_mapping(Doing doing, const std::string& text) {
    const std::lock_guard lock(changing_);
    CHECK_OK(lifecycle_.settled());
    TRY(const auto mapping, policy::ScopeMapping::parse(text));
    doing.rows[std::string(kMappingRow)] = mapping.digest();
    keep(doing, mapping.text());
    return lifecycle_.act(doing, "mappings.set", "mapping");
}

Status Policies::set_oidc(Doing doing, const std::string& text) {
    const std::lock_guard lock(changing_);
    CHECK_OK(lifecycle_.settled());
    TRY(const auto trust, policy::parse_oidc_trust(text));
    const std::string canonical = policy::oidc_trust_text(trust);
    doing.rows[std::string(kOidcRow)] = crypto::sha256_b64u(canonical);
    keep(doing, canonical);
    return lifecycle_.act(doing, "oidc.set", "oidc");
}

Status Policies::write_trust(Doing doing, const std::string& key, const TrustState& trust) {
    doing.rows[std::string(kTrustRow)] = policy::trust_settings_text(trust.settings);
    doing.rows[std::string(kExemptRow)] = policy::exempt_callers_text(trust.exempt);
    return lifecycle_.act(doing, "trust.set", key);
}

Status Policies::set_trust(Doing doing, const std::string& key, const std::string& value) {
    const std::lock_guard lock(changing_);
    CHECK_OK(lifecycle_.settled());
    TRY(const TrustState next, with_trust_setting(trust_of(*snapshot()), key, value));
    return write_trust(std::move(doing), key, next);
}

Result<bool> Policies::narrow_trust(Doing doing, const std::string& key, const std::string& value) {
    const std::lock_guard lock(changing_);
    CHECK_OK(lifecycle_.settled());
    const TrustState current = trust_of(*snapshot());
    TRY(const TrustState next, with_trust_setting(current, key, value));
    if (!is_no_wider(next, current)) {
        return false;
    }
    CHECK_OK(write_trust(std::move(doing), key, next));
    return true;
}

Result<ContractRecord> Policies::record(std::string_view hash) const {
    const auto known = snapshot();
    const auto found = known->records.find(hash);
    return found != known->records.end()
               ? Result<ContractRecord>(found->second)
               : Error(ErrorCode::not_found,
                       "no contract of this hash was added; clawsigner policies list shows them");
}

Status Policies::put(Doing doing, const char* act, const ContractRecord& record) {
    doing.rows[contract_row_name(record.hash)] = contract_row_text(record);
    return lifecycle_.act(doing, act, record.hash);
}

Result<Policies::Added> Policies::add(Doing doing, const ContractAsked& asked) {
    const std::lock_guard lock(changing_);
    CHECK_OK(lifecycle_.settled());
    const auto known = snapshot();
    Added added;
    const auto before = known->records.find(asked.hash);
    added.existed = before != known->records.end();
    if (!added.existed && known->records.size() >= kMaxContracts) {
        return Error(ErrorCode::too_large, "1024 contracts are known; no more are kept");
    }
    added.record.hash = asked.hash;
    added.record.signer_did = asked.signer_did;
    if (asked.envelope) {
        added.record.envelope = crypto::sha256_b64u(*asked.envelope);
    }
    if (added.existed) {
        const ContractRecord& stored = before->second;
        if (asked.envelope && stored.envelope != added.record.envelope) {
            return Error::denied("wpc.signer", "envelope",
                                 "is not the one this contract is known by here");
        }
        added.record = stored;
    }
    keep(doing, asked.text);
    if (asked.envelope) {
        keep(doing, *asked.envelope);
    }
    bool missing = !added.existed;
    for (const std::string& text : doing.documents) {
        missing = missing || !log_.document(crypto::sha256(text)).ok();
    }
    if (missing) {
        CHECK_OK(put(std::move(doing), "policies.add", added.record));
    }
    return added;
}

/// The contract, when it may be activated now.
Result<std::shared_ptr<const claw::WorkPolicy>> Policies::activable(
    const ContractRecord& record) const {
    const auto known = snapshot();
    const auto found = known->contracts.find(record.hash);
    if (found == known->contracts.end()) {
        return Error(ErrorCode::not_found,
                     "the ledger's document " + record.hash +
                         " is missing or was changed; clawsigner policies add puts it back");
    }
    if (found->second.state == policy::PolicyState::active) {
        return Error(ErrorCode::illegal_transition, "the contract is active already");
    }
    if (!record.envelope) {
        TRY(const auto key, keyring_.active(crypto::Family::work_policy));
        return found->second.policy;
    }
    TRY(const std::string envelope, document(*record.envelope));
    if (record.signer_did) {
        TRY(const auto verified,
            claw::verify_work_policy_envelope(envelope, known->trust.wpc_signers));
    }
    return found->second.policy;
}

Status Policies::may_activate(const std::string& hash) const {
    TRY(const ContractRecord known, record(hash));
    const auto policy = activable(known);
    return policy.status();
}

Status Policies::sign(Doing& doing, ContractRecord& record, const claw::WorkPolicy& policy) const {
    TRY(const auto signer, keyring_.signer<crypto::Family::work_policy>());
    TRY(const auto unsigned_policy, claw::UnsignedWorkPolicy::of(policy));
    TRY(const auto signature,
        signer.sign(unsigned_policy.input(), base::deadline_in(options_.deadline)));
    std::string envelope = unsigned_policy.envelope(signer.identity(), signature, clock_.now());
    record.envelope = crypto::sha256_b64u(envelope);
    doing.artefact = leaf_of(doing, policy, unsigned_policy, signer.identity().kid, envelope);
    keep(doing, std::move(envelope));
    return Status::done();
}

Status Policies::activate(Doing doing, const std::string& hash) {
    const std::lock_guard lock(changing_);
    CHECK_OK(lifecycle_.settled());
    TRY(ContractRecord next, record(hash));
    TRY(const auto policy, activable(next));
    next.state = policy::PolicyState::active;
    if (!next.envelope) {
        CHECK_OK(sign(doing, next, *policy));
    }
    return put(std::move(doing), "policies.activate", next);
}

Status Policies::withdraw(Doing doing, const std::string& hash) {
    const std::lock_guard lock(changing_);
    CHECK_OK(lifecycle_.settled());
    TRY(ContractRecord next, record(hash));
    if (next.state == policy::PolicyState::withdrawn) {
        return Error(ErrorCode::illegal_transition, "the contract is withdrawn already");
    }
    next.state = policy::PolicyState::withdrawn;
    return put(std::move(doing), "policies.withdraw", next);
}

Result<std::string> Policies::envelope(std::string_view hash) const {
    const auto known = snapshot();
    const auto found = known->contracts.find(hash);
    const auto record = known->records.find(hash);
    const bool active = found != known->contracts.end() &&
                        found->second.state == policy::PolicyState::active &&
                        record != known->records.end();
    const auto digest = active ? record->second.envelope : std::nullopt;
    if (!digest) {
        return Error(ErrorCode::not_found, "no active contract has this hash");
    }
    return document(*digest);
}

Result<std::string> Policies::document(std::string_view digest) const {
    TRY(const auto wanted, digest_of(digest, "digest"));
    return log_.document(wanted);
}

}  // namespace clawsigner::service
