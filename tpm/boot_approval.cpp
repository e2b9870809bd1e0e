#include "tpm/patience.h"
#include "tpm/response.h"
#include "tpm/templates.h"
#include "tpm/tpm_backend.h"

#include <algorithm>
#include <utility>

/// What the backend does about boot states.
namespace clawsigner::tpm {
namespace {

Error without_pcrs() {
    return {ErrorCode::unsupported, "the key store is configured without PCRs"};
}

Result<BootApproval> approval_by(const crypto::MemoryKey& key, const std::vector<unsigned>& pcrs,
                                 const BootState& state) {
    TRY(const auto signature, key.sign(approval_message(pcrs, state)));
    return BootApproval{state, signature};
}

}  // namespace

/// A key that is bound to boot states obeys the approver it was made under, and no other: beside
/// such keys a new one would only hide that theirs is gone.
Status TpmBackend::nobody_obeys_another() const {
    TRY(const auto contents, store_.read());
    for (const KeyStore::Kept& key : contents.keys) {
        TRY(const auto area, unmarshal_public(key.file.public_area));
        if (area.publicArea.authPolicy.size != 0) {
            return Error(ErrorCode::key_quarantined,
                         "keys are bound to boot states, but what approves of them is gone: put "
                         "the directory boot back from a backup");
        }
    }
    return Status::done();
}

/// Its private half exists in the clear while this runs, here and at each approval: root can read
/// it then.
Result<Approver> TpmBackend::make_approver(Owner& owner) const {
    CHECK_OK(nobody_obeys_another());
    TRY(const auto key, crypto::MemoryKey::new_p256());
    TRY(const Bytes policy, boot_auth_policy(key.public_key()));
    TRY(Secret plain, key.private_bytes());
    TRY(Secret made_auth, KeyStore::new_auth({}));
    const auto auth = std::make_shared<const Secret>(std::move(made_auth));
    const auto shared = std::make_shared<const Secret>(std::move(plain));
    TRY(KeyFile file, patiently<KeyFile>(owner, [shared, auth, policy](Owner::Slot& slot) {
            return slot->seal(*shared, *auth, policy);
        }));
    TRY(const BootState state,
        patiently<BootState>(
            owner, [pcrs = settings_.pcrs](Owner::Slot& slot) { return slot->boot_state(pcrs); }));
    TRY(const auto approval, approval_by(key, settings_.pcrs, state));
    Approver approver{std::move(file), auth, key.public_key()};
    CHECK_OK(boot_store_.keep(approver));
    CHECK_OK(boot_store_.keep(approval));
    return approver;
}

/// Where nobody approves of states yet, the state of this boot is the first approved one.
Status TpmBackend::obey_boot_policy(Owner& owner) {
    if (settings_.pcrs.empty()) {
        return Status::done();
    }
    TRY(auto approver, boot_store_.approver());
    if (!approver) {
        TRY(approver, make_approver(owner));
    }
    TRY(auto approvals, boot_store_.approvals(approver->public_key, settings_.pcrs));
    const BootPolicy policy{settings_.pcrs, approver->public_key, std::move(approvals)};
    CHECK_OK(patiently<void>(owner, [policy](Owner::Slot& slot) {
        slot->obey(policy);
        return Status::done();
    }));
    const std::lock_guard lock(held_mutex_);
    approver_ = std::move(approver);
    return Status::done();
}

Result<BootState> TpmBackend::boot_state() {
    if (settings_.pcrs.empty()) {
        return without_pcrs();
    }
    const auto owner = this->owner();
    if (!state_.ready() || owner == nullptr) {
        return why_not_ready();
    }
    auto state = patiently<BootState>(
        *owner, [pcrs = settings_.pcrs](Owner::Slot& slot) { return slot->boot_state(pcrs); });
    if (!state.ok()) {
        note_failure(*owner, state.error());
    }
    return state;
}

Status TpmBackend::approve_boot(const BootState& state) {
    if (settings_.pcrs.empty()) {
        return without_pcrs();
    }
    TRY(const Turn turn, this->turn());
    Owner& owner = *turn.owner;
    TRY(const auto approver, boot_store_.approver());
    if (!approver) {
        return without_pcrs();
    }
    auto approval = patiently<BootApproval>(owner,
                                            [approver = *approver, pcrs = settings_.pcrs,
                                             state](Owner::Slot& slot) -> Result<BootApproval> {
                                                TRY(const Secret plain,
                                                    slot->unseal(approver.file, *approver.auth));
                                                TRY(const auto key, crypto::MemoryKey::p256(plain));
                                                return approval_by(key, pcrs, state);
                                            });
    if (!approval.ok()) {
        note_failure(owner, approval.error());
        return approval.error();
    }
    if (const Status kept = boot_store_.keep(*approval); !kept.ok()) {
        state_.suspect(kept.error());
        return Error(ErrorCode::hsm_down, "the approval cannot be written");
    }
    return obey_boot_policy(owner);
}

}  // namespace clawsigner::tpm
