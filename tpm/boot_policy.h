#pragma once

#include "tpm/boot.h"
#include "tpm/stack.h"

#include <optional>

namespace clawsigner::tpm {

TPML_PCR_SELECTION pcr_selection(const std::vector<unsigned>& pcrs);

/// Error: as the TPM's.
Result<BootState> current_boot_state(ESYS_CONTEXT* esys, const std::vector<unsigned>& pcrs);

/// Opens sessions in which keys under a BootPolicy may be used. For one thread.
class BootSessions {
public:
    /// Replaces the policy.
    void obey(BootPolicy policy);

    /// One in which the policy holds, for one command. Errors: boot_not_approved, when the state of
    /// this boot is not among the approved; as the TPM's.
    Result<Flushed> open(const Stack& stack);

private:
    struct Approved {
        BootState state;
        TPMT_TK_VERIFIED ticket{};
    };

    static Result<Approved> approved_now(const Stack& stack, const BootPolicy& policy);
    static Result<Flushed> session(const Stack& stack);
    static Status fulfil(const Stack& stack, ESYS_TR session, const BootPolicy& policy,
                         const Approved& now);
    static Result<Flushed> fulfilled(const Stack& stack, const BootPolicy& policy,
                                     const Approved& now);

    std::optional<BootPolicy> policy_;
    std::optional<Approved> approved_;
};

}  // namespace clawsigner::tpm
