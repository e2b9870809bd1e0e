#pragma once

#include "base/clock.h"
#include "base/encoding.h"
#include "base/result.h"
#include "hsm/key.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::hsm {

/// Where a key store stands. A store finds its own way between these; nobody above it helps, except
/// out of `held` (Backend::retry_pin).
///
///     absent ──► opening ──► ready ──► suspect ──► opening …
///                   │  └──► absent  (not there, or not answering: tried again until it is)
///                   └─────► held    (its PIN was refused: waits for a person, so that no retry
///                   locks the token)
enum class BackendState : std::uint8_t { absent, opening, ready, suspect, held };

/// "absent", "ready", … Static storage.
std::string_view state_name(BackendState state) noexcept;

/// What a caller on a socket is told while a store is not ready. The reason may hold paths, and is
/// the operator's. Codes: pin_held while held, else hsm_down.
Error not_ready(BackendState state);

struct BackendStatus {
    BackendState state = BackendState::absent;
    UnixMillis since;
    /// Why it is not ready, or what brought it here.
    std::optional<Error> why;
    /// What the store says it is ("SoftHSM v2, token clawsigner-dev, serial 0a1b…"); empty before
    /// it was first opened.
    std::string device;
};

/// The keys of a store at one moment. Immutable; a newer one replaces it.
struct KeySnapshot {
    std::vector<StoredKey> keys;
    std::vector<UnusableKey> unusable;
};

/// Does the store show anything of this key?
bool holds(const KeySnapshot& snapshot, const KeyId& key);

/// What a key store must do. Values go in and come out, never a vendor's type, handle or exception,
/// so that a store may live in this process, in a child or in a TPM and nobody above can tell.
///
/// Thread-safe. Every call returns within its deadline, plus the time of one call into an inline
/// module that hangs.
class Backend {
public:
    virtual ~Backend() = default;
    Backend() = default;
    Backend(const Backend&) = delete;
    Backend& operator=(const Backend&) = delete;

    virtual BackendStatus status() const = 0;

    /// Never null. Empty until the store was ready for the first time; the last known keys while it
    /// is not ready.
    virtual std::shared_ptr<const KeySnapshot> keys() const = 0;

    /// Makes a key pair inside the store: private half sensitive and not extractable, both halves
    /// labelled and lasting. The key has signed once, verifiably, before it is returned. Errors:
    /// hsm_down, unsupported, key_exists (the name is taken).
    virtual Result<StoredKey> generate(const KeyName& name, crypto::Algorithm algorithm) = 0;

    /// Destroys whatever `handle` (see handle_of) names, every object of it, unless it is a usable
    /// key. A key of its name may be made again afterwards. Errors: invalid_field of `id`, when it
    /// names nothing of ours; key_in_use; hsm_down, pin_held, unsupported.
    virtual Status discard(const std::string& handle) = 0;

    /// Destroys every object of this key, usable or not, and looks whether it is gone: done means
    /// that the store shows nothing of it any more, also when it held nothing before. A key of its
    /// name may be made again afterwards. Errors: hsm_down, pin_held, unsupported; key_in_use, when
    /// something of it is still there.
    virtual Status destroy(const KeyId& key) = 0;

    /// Signs `message` (hashed inside where the algorithm hashes; P-256 with the smaller s, see
    /// crypto::use_low_s). Not verified yet: that is the caller's. Errors: hsm_down, pin_held,
    /// key_missing, key_quarantined, unsupported; a TPM's also as tpm::TpmBackend says.
    virtual Result<crypto::Signature> sign(const KeyId& key, ByteView message,
                                           Deadline deadline) = 0;

    /// A signature of this store did not verify. The store must prove its keys again before it goes
    /// on.
    virtual void distrust(const KeyId& key) = 0;

    /// A person says that the PIN may be tried again: a store that is `held` forgets why and tries
    /// once, at once. One that is not held does nothing. Returns how it is when it has tried, or at
    /// the deadline.
    virtual BackendStatus retry_pin(Deadline deadline) = 0;
};

/// Called on every change of state, from the store's own thread. Must not call back into the store.
using StateObserver = std::function<void(const BackendStatus&)>;

}  // namespace clawsigner::hsm
