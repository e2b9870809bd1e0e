#pragma once

#include "base/result.h"
#include "base/secret.h"
#include "crypto/public_key.h"
#include "crypto/signing_input.h"

namespace clawsigner::crypto {

/// An Ed25519 key that was held as a seed outside any store, for the one thing it still does: to
/// say which key takes its place. Its memory is wiped with it.
class SeedKey {
public:
    /// `text` is the seed in base64url, 43 characters, or in hex, 64 (RFC 8032: 32 bytes). Error:
    /// invalid_field without a field name.
    static Result<SeedKey> parse(const base::Secret& text);

    const PublicKey& public_key() const noexcept { return public_key_; }
    /// Error: internal.
    Result<Signature> sign(const RotationInput& input) const;

private:
    SeedKey(base::Secret seed, PublicKey public_key)
        : seed_(std::move(seed)), public_key_(std::move(public_key)) {}

    base::Secret seed_;
    PublicKey public_key_;
};

}  // namespace clawsigner::crypto
