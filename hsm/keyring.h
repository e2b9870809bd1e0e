#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "crypto/key_forms.h"
#include "crypto/signing_input.h"
#include "hsm/backend.h"
#include "hsm/key.h"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace clawsigner::hsm {

/// Which signatures are checked with the public key before they leave: one in `one_in`. 1 checks
/// every signature.
struct VerifyPolicy {
    std::uint32_t one_in = 1;
};

/// One key, as it was when it was asked for, and the store it lives in. Shared and immutable.
class ActiveKey {
public:
    ActiveKey(StoredKey key, Backend& backend, VerifyPolicy verify);

    const StoredKey& stored() const noexcept { return stored_; }
    const crypto::KeyIdentity& identity() const noexcept { return identity_; }

    /// Signs a probe and verifies it, whatever the policy. Errors: as Backend::sign;
    /// key_quarantined.
    Status probe(Deadline deadline) const;

    /// Signs what a key says of its family's keys, and verifies it, whatever the policy. Errors: as
    /// probe.
    template <crypto::KeyStatement S>
    Result<crypto::Signature> sign(const crypto::StatementInput<S>& input,
                                   Deadline deadline) const {
        return sign_bytes(input.bytes(), deadline, true);
    }

private:
    template <crypto::Family F>
    friend class Signer;

    Result<crypto::Signature> sign_bytes(ByteView message, Deadline deadline, bool verify) const;
    bool verify_next() const noexcept;

    StoredKey stored_;
    crypto::KeyIdentity identity_;
    Backend* backend_;
    VerifyPolicy verify_;
    mutable std::atomic<std::uint64_t> signed_{0};
};

/// Signs for family F and nothing else: what it takes can only hold bytes of that family's form.
template <crypto::Family F>
class Signer {
public:
    explicit Signer(std::shared_ptr<const ActiveKey> key) : key_(std::move(key)) {}

    const crypto::KeyIdentity& identity() const noexcept { return key_->identity(); }

    /// The signature has been verified (as the policy says) when it is returned.
    /// Errors: as Backend::sign; key_quarantined, when it did not verify.
    Result<crypto::Signature> sign(const crypto::SigningInput<F>& input, Deadline deadline) const {
        return key_->sign_bytes(input.bytes(), deadline, key_->verify_next());
    }

private:
    std::shared_ptr<const ActiveKey> key_;
};

/// A key that the state names: which object of the store it is, and what it must look like.
struct AssignedKey {
    KeyId id;
    crypto::PublicKey public_key;
    friend bool operator==(const AssignedKey&, const AssignedKey&) = default;
};

/// Which of a family's keys signs, or why none does.
struct Assignment {
    std::optional<AssignedKey> active;
    Error why{ErrorCode::key_missing, "it is not known yet which key signs"};  // where none does
    /// Keys that had their time and sign beside it until their overlap ends (checkpoints only).
    std::vector<AssignedKey> fading;
};

/// The families' keys: which store each family lives in, and which of its keys signs now. The store
/// says what it holds, the state which of it signs; a key signs when both agree. Thread-safe.
class Keyring {
public:
    struct Home {
        Backend* backend = nullptr;                                // outlives the keyring
        crypto::Algorithm algorithm = crypto::Algorithm::ed25519;  // of keys made from here on
        Custody custody = Custody::pkcs11;
    };

    Keyring(std::map<crypto::Family, Home> homes, VerifyPolicy verify)
        : homes_(std::move(homes)), verify_(verify) {}

    /// From here on.
    void assign(crypto::Family family, Assignment assignment);

    /// The key that signs for the family. Errors: as assigned, when none does; as key().
    Result<std::shared_ptr<const ActiveKey>> active(crypto::Family family) const;

    template <crypto::Family F>
    Result<Signer<F>> signer() const {
        TRY(auto key, active(F));
        return Signer<F>(std::move(key));
    }

    /// The active key, and those of the fading that the store will sign with.
    template <crypto::Family F>
    Result<std::vector<Signer<F>>> signers() const {
        TRY(auto keys, signing(F));
        return std::vector<Signer<F>>(keys.begin(), keys.end());
    }

    /// A key of the family whether it signs or not. Errors: key_missing, when the store does not
    /// hold it; key_quarantined, when the store will not sign with it or shows another public key;
    /// hsm_down or pin_held while a store that was never ready is not.
    Result<std::shared_ptr<const ActiveKey>> key(crypto::Family family,
                                                 const AssignedKey& wanted) const;

    /// Makes a key, which does not sign before it is assigned. Errors: invalid_field, when the
    /// family's keys are not of this algorithm; as Backend::generate.
    Result<StoredKey> generate(const KeyName& name, crypto::Algorithm algorithm);

    Result<Home> home(crypto::Family family) const;

private:
    struct Cached {
        std::shared_ptr<const KeySnapshot> snapshot;
        std::shared_ptr<const ActiveKey> key;
        std::optional<Error> why;
    };

    Result<std::vector<std::shared_ptr<const ActiveKey>>> signing(crypto::Family family) const;

    std::map<crypto::Family, Home> homes_;
    VerifyPolicy verify_;
    mutable std::mutex mutex_;
    std::map<crypto::Family, Assignment> assigned_;
    mutable std::map<crypto::Family, Cached> cache_;
};

}  // namespace clawsigner::hsm
