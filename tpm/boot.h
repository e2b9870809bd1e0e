#pragma once

#include "base/encoding.h"
#include "base/result.h"
#include "crypto/public_key.h"

#include <cstdint>
#include <vector>

namespace clawsigner::tpm {

/// A boot state, as SHA-256 over the values of the chosen PCRs of the SHA-256 bank in ascending
/// order: the pcrDigest of TPM2_PolicyPCR (Part 3, section 23.7).
using BootState = Bytes;

/// The approver's word that keys may be used in a state: its signature over approval_message().
struct BootApproval {
    BootState state;
    crypto::Signature signature{};
};

/// Keys under it are usable only while the PCRs are in an approved state. The states may change
/// after the keys are made, because the keys name only who approves (TPM2_PolicyAuthorize).
struct BootPolicy {
    std::vector<unsigned> pcrs;  // 0 to 23, ascending
    crypto::PublicKey approver;  // P-256
    std::vector<BootApproval> approvals;
};

/// What the approver signs, and the TPM hashes (aHash of Part 3, section 23.16): the digest of
/// TPM2_PolicyPCR over that state, and what it is an approval for.
Bytes approval_message(const std::vector<unsigned>& pcrs, const BootState& state);

/// The authPolicy of keys under such an approver: TPM2_PolicyAuthorize by it, and the key's auth
/// value.
Result<Bytes> boot_auth_policy(const crypto::PublicKey& approver);

}  // namespace clawsigner::tpm
