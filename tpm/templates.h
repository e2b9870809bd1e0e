#pragma once

#include "base/encoding.h"
#include "base/result.h"
#include "crypto/public_key.h"

#include <tss2/tss2_tpm2_types.h>

namespace clawsigner::tpm {

/// The storage root key: TCG TPM v2.0 Provisioning Guidance, section 7.5.1, with the template for
/// P-256 of the EK Credential Profile, annex B.3.4 (L-2).
TPM2B_PUBLIC srk_template();
/// May keys be stored under it: restricted, made in this TPM, and bound to it?
bool is_storage_key(const TPM2B_PUBLIC& key) noexcept;

/// A P-256 key that only signs, with ECDSA over SHA-256. With an empty `policy` its auth value is
/// enough to use it; else the policy must hold, which may ask for the auth value, too.
TPM2B_PUBLIC signing_template(ByteView policy);
/// Is it what signing_template asks for, whatever its policy?
bool is_signing_key(const TPM2B_PUBLIC& key) noexcept;

/// Data of ours, which the TPM gives back only under `policy`.
TPM2B_PUBLIC sealing_template(ByteView policy);
/// Is it what sealing_template asks for, whatever its policy?
bool is_sealed_data(const TPM2B_PUBLIC& object) noexcept;

/// Error: unsupported, for coordinates that are no point of the curve.
Result<crypto::PublicKey> public_key_of(const TPM2B_PUBLIC& key);

/// nameAlg and the digest of the public area (Part 1, section 16).
Result<Bytes> name_of(const TPM2B_PUBLIC& object);

/// The TPM's own wire form, and back; all of `bytes` must be of it.
Result<Bytes> marshal(const TPM2B_PUBLIC& object);
Result<Bytes> marshal(const TPM2B_PRIVATE& object);
Result<TPM2B_PUBLIC> unmarshal_public(ByteView bytes);
Result<TPM2B_PRIVATE> unmarshal_private(ByteView bytes);

/// Fills a TPM2B, which is large enough.
template <class Sized>
void fill(Sized& to, ByteView bytes) {
    to.size = static_cast<UINT16>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), to.buffer);
}

}  // namespace clawsigner::tpm
