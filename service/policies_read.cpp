#include "service/policies.h"

#include <algorithm>
#include <utility>

namespace clawsigner::service {
namespace {

/// Reads what the rows name, one document at a time, and remembers what could not be had.
class Reading {
public:
    Reading(ledger::Log& log, const claw::Settings& rows, const PolicySnapshot& before)
        : log_(log), rows_(rows), before_(before) {}

    PolicySnapshot all() {
        read_trust();
        read_mapping();
        read_oidc();
        read_contracts();
        return std::move(next_);
    }

    /// Was there anything that could not be read, and perhaps can be the next time?
    bool is_unsure() const noexcept { return unsure_; }

private:
    const claw::SettingRow* row(std::string_view name) const {
        const auto found = rows_.find(std::string(name));
        return found == rows_.end() ? nullptr : &found->second;
    }

    void fault(std::string_view name, Error why) {
        unsure_ = unsure_ || why.code == ErrorCode::ledger_blocked;
        next_.faults.push_back({std::string(name), std::move(why)});
    }

    Result<std::string> text_of(std::string_view digest) {
        TRY(const auto wanted, digest_of(digest, "document"));
        return log_.document(wanted);
    }

    void read_trust() {
        if (const auto* found = row(kTrustRow)) {
            auto trust = policy::parse_trust_settings(found->value);
            trust.ok() ? void(next_.trust = *std::move(trust)) : fault(kTrustRow, trust.error());
        }
        if (const auto* found = row(kExemptRow)) {
            auto exempt = policy::parse_exempt_callers(found->value);
            exempt.ok() ? void(next_.exempt = *std::move(exempt))
                        : fault(kExemptRow, exempt.error());
        }
    }

    void read_mapping() {
        const auto* found = row(kMappingRow);
        if (found == nullptr) {
            return;
        }
        if (before_.mapping && before_.mapping->digest() == found->value) {
            next_.mapping = before_.mapping;
            return;
        }
        const auto text = text_of(found->value);
        auto mapping = text.ok() ? policy::ScopeMapping::parse(*text)
                                 : Result<policy::ScopeMapping>(text.error());
        if (mapping.ok()) {
            next_.mapping = *std::move(mapping);
        } else {
            fault(kMappingRow, mapping.error());
        }
    }

    void read_oidc() {
        const auto* found = row(kOidcRow);
        if (found == nullptr) {
            return;
        }
        const auto text = text_of(found->value);
        auto oidc =
            text.ok() ? policy::parse_oidc_trust(*text) : Result<policy::OidcTrust>(text.error());
        if (oidc.ok()) {
            next_.oidc = *std::move(oidc);
        } else {
            fault(kOidcRow, oidc.error());
        }
    }

    void read_contracts() {
        for (auto found = rows_.lower_bound(std::string(kContractRows));
             found != rows_.end() && found->first.starts_with(kContractRows); ++found) {
            auto record = parse_contract_row(found->second);
            if (!record.ok()) {
                fault(found->first, record.error());
                continue;
            }
            read_contract(*record);
            next_.records.emplace(record->hash, *record);
        }
    }

    void read_contract(const ContractRecord& record) {
        auto policy = contract_of(record);
        if (!policy.ok()) {
            fault(contract_row_name(record.hash), policy.error());
            return;
        }
        next_.contracts[record.hash] = {*std::move(policy), state_of(record)};
    }

    policy::PolicyState state_of(const ContractRecord& record) const {
        const auto& trusted = next_.trust.wpc_signers;
        const bool believed =
            !record.signer_did || std::ranges::find(trusted, *record.signer_did) != trusted.end();
        return believed ? record.state : policy::PolicyState::withdrawn;
    }

    Result<std::shared_ptr<const claw::WorkPolicy>> contract_of(const ContractRecord& record) {
        const auto known = before_.contracts.find(record.hash);
        if (known != before_.contracts.end()) {
            return known->second.policy;
        }
        TRY(const std::string text, text_of(record.hash));
        TRY(claw::WorkPolicy policy, claw::WorkPolicy::parse(text));
        if (policy.hash() != record.hash) {
            return Error(ErrorCode::not_found, "the document is no contract of this hash");
        }
        if (record.envelope) {
            CHECK_OK(text_of(*record.envelope));
        }
        return std::make_shared<const claw::WorkPolicy>(std::move(policy));
    }

    ledger::Log& log_;
    const claw::Settings& rows_;
    const PolicySnapshot& before_;
    PolicySnapshot next_;
    bool unsure_ = false;
};

bool knows(const PolicySnapshot& snapshot, const PolicyFault& fault) {
    return std::ranges::any_of(snapshot.faults, [&](const PolicyFault& known) {
        return known.row == fault.row && known.why.message == fault.why.message;
    });
}

}  // namespace

std::shared_ptr<const PolicySnapshot> Policies::snapshot() const {
    auto rows = log_.settings();
    const std::lock_guard lock(mutex_);
    if (rows == rows_) {
        return snapshot_;
    }
    Reading reading(log_, *rows, *snapshot_);
    auto next = std::make_shared<const PolicySnapshot>(reading.all());
    for (const PolicyFault& fault : next->faults) {
        if (!knows(*snapshot_, fault)) {
            options_.on_fault(fault);
        }
    }
    snapshot_ = std::move(next);
    rows_ = reading.is_unsure() ? nullptr : std::move(rows);
    return snapshot_;
}

}  // namespace clawsigner::service
