#pragma once

#include "base/handle.h"
#include "base/result.h"
#include "crypto/public_key.h"

#include <openssl/evp.h>

namespace clawsigner::bench {

/// Verifies with nothing but OpenSSL, and with everything made once that can be: what a
/// verification costs at least, whatever the daemon makes of it. For one thread.
class Verifier {
public:
    /// Error: unsupported.
    static Result<Verifier> of(const crypto::PublicKey& key);

    /// `signed_bytes`: the message for Ed25519, its SHA-256 for P-256.
    bool verifies(ByteView signed_bytes, ByteView signature);

private:
    using Key = base::CPtr<EVP_PKEY, EVP_PKEY_free>;

    explicit Verifier(crypto::Algorithm algorithm, Key key);

    bool ed25519_verifies(ByteView message, ByteView signature);
    bool p256_verifies(ByteView digest, ByteView signature);

    crypto::Algorithm algorithm_;
    Key key_;
    base::CPtr<EVP_MD_CTX, EVP_MD_CTX_free> ed25519_;
    base::CPtr<EVP_PKEY_CTX, EVP_PKEY_CTX_free> p256_;
};

}  // namespace clawsigner::bench
