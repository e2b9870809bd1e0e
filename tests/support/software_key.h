#pragma once

#include "base/encoding.h"
#include "crypto/public_key.h"

#include <openssl/types.h>

#include <memory>
#include <string_view>

namespace clawsigner::tests {

/// A private key in memory, for tests that need signatures without a token. Aborts on any failure.
class SoftwareKey {
public:
    /// RFC 8032 section 7.1, test 1: the key of the golden vectors.
    static SoftwareKey golden();
    /// The Ed25519 key of a seed, 64 hex digits.
    static SoftwareKey of_seed(std::string_view hex);
    static SoftwareKey random(crypto::Algorithm algorithm);

    const crypto::PublicKey& public_key() const { return public_key_; }
    crypto::Signature sign(ByteView message) const;
    crypto::Signature sign(std::string_view message) const { return sign(base::as_bytes(message)); }

private:
    SoftwareKey(std::shared_ptr<EVP_PKEY> key, crypto::PublicKey public_key);

    std::shared_ptr<EVP_PKEY> key_;
    crypto::PublicKey public_key_;
};

}  // namespace clawsigner::tests
