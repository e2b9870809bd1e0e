#pragma once

#include "base/encoding.h"
#include "base/handle.h"
#include "crypto/digest.h"

#include <openssl/evp.h>

#include <memory>
#include <mutex>
#include <vector>

namespace clawsigner::crypto {

/// Verifies ECDSA signatures with one public key. Contexts that have verified are kept for the next
/// signature: making one looks the algorithm up behind locks that all threads share, which costs a
/// daemon's two threads a tenth of each verification (EVP_PKEY_verify(3): a context may verify more
/// than once). Any thread; as many contexts as have ever verified at one time.
class EcdsaVerifier {
public:
    using Key = base::CPtr<EVP_PKEY, EVP_PKEY_free>;

    explicit EcdsaVerifier(Key key) noexcept : key_(std::move(key)) {}

    const EVP_PKEY* key() const noexcept { return key_.get(); }

    /// Is the DER signature (RFC 3279 section 2.2.3) the key's over the digest?
    bool verifies(const Sha256& digest, ByteView der_signature) const;

private:
    using Context = base::CPtr<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

    /// Null when OpenSSL has no memory.
    Context take() const;
    void keep(Context context) const;

    Key key_;
    mutable std::mutex mutex_;
    mutable std::vector<Context> idle_;
};

}  // namespace clawsigner::crypto
