#pragma once

#include "base/result.h"
#include "base/secret.h"
#include "crypto/public_key.h"
#include "tpm/boot.h"
#include "tpm/key_file.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

namespace clawsigner::tpm {

/// Who approves of boot states: a P-256 key whose private half is sealed to the TPM under the very
/// policy that it approves for, so that only an approved state can approve of the next.
struct Approver {
    KeyFile file;
    std::shared_ptr<const Secret> auth;
    crypto::PublicKey public_key;
};

/// The approver and its approvals, as files in a directory of the daemon's own. One thread at a
/// time.
class BootStore {
public:
    explicit BootStore(std::filesystem::path directory) : directory_(std::move(directory)) {}

    /// Nothing, where there is none yet. Errors: key_quarantined, where its files are damaged;
    /// io_failed.
    Result<std::optional<Approver>> approver() const;
    /// Durable when it returns. Error: io_failed.
    Status keep(const Approver& approver) const;

    /// Those that are the approver's. Error: io_failed.
    Result<std::vector<BootApproval>> approvals(const crypto::PublicKey& approver,
                                                const std::vector<unsigned>& pcrs) const;
    /// Durable when it returns. Error: io_failed.
    Status keep(const BootApproval& approval) const;

private:
    std::filesystem::path directory_;
};

}  // namespace clawsigner::tpm
