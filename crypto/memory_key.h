#pragma once

#include "base/result.h"
#include "base/secret.h"
#include "crypto/public_key.h"

#include <openssl/types.h>

#include <memory>

namespace clawsigner::crypto {

/// Has OpenSSL keep private keys in memory of its own that is locked and left out of core dumps
/// (CRYPTO_secure_malloc_init(3)). Once, before any thread; a process without it has them among the
/// rest. Error: io_failed.
Status make_secure_heap();

/// A private key that is plain in this process's memory while it lives. An Ed25519 one is in the
/// secure heap, where there is one. Immutable; any thread.
class MemoryKey {
public:
    /// RFC 8032: 32 bytes. Error: invalid_field without a field name.
    static Result<MemoryKey> ed25519(const base::Secret& seed);

    /// A new P-256 key, and one that was written as private_bytes(). Errors: internal;
    /// invalid_field without a field name.
    static Result<MemoryKey> new_p256();
    static Result<MemoryKey> p256(const base::Secret& private_bytes);
    /// Of a P-256 key: SEC 1's ECPrivateKey, at most 128 bytes. Error: internal.
    Result<base::Secret> private_bytes() const;

    const PublicKey& public_key() const noexcept { return public_key_; }
    /// As hsm::Backend::sign. Error: internal.
    Result<Signature> sign(ByteView message) const;

private:
    using Key = std::shared_ptr<EVP_PKEY>;
    MemoryKey(Key key, PublicKey public_key)
        : key_(std::move(key)), public_key_(std::move(public_key)) {}
    static Result<MemoryKey> p256_of(Key key);

    Key key_;
    PublicKey public_key_;
};

}  // namespace clawsigner::crypto
