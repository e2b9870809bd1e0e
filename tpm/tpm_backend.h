#pragma once

#include "base/clock.h"
#include "crypto/memory_key.h"
#include "hsm/backend.h"
#include "hsm/boot_states.h"
#include "hsm/known_keys.h"
#include "hsm/store_state.h"
#include "tpm/boot_store.h"
#include "tpm/key_store.h"
#include "tpm/owner.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace clawsigner::tpm {

/// Which TPM, and what is asked of it.
struct TpmSettings {
    std::string tcti;                 // "device:/dev/tpmrm0", "swtpm:path=/run/tpm/sock"
    std::filesystem::path directory;  // of the key files: the daemon's own
    std::uint32_t srk = 0x81000001;   // the persistent handle of the storage root key
    std::vector<unsigned> pcrs;       // keys are made usable in approved states of these only
    std::chrono::milliseconds call_timeout{2'000};  // of one signature, once it has begun
    std::chrono::milliseconds open_timeout{
        30'000};            // to open the TPM and prove its keys; to make one
    std::size_t lane = 32;  // calls that may wait in one lane
    /// Refuse every TPM that is not of this one ("IBM", that of libtpms).
    std::optional<std::string> only_manufacturer;
};

/// A TPM 2.0 as a hsm::Backend. P-256 keys are made in the TPM and stay in it (native). Ed25519,
/// which a TPM has not, is signed with in this process: the key's seed is sealed to the TPM, and
/// unsealed when the store is first opened (sealed).
///
/// One thread owns the TPM; tokens overtake receipts on the way to it. A TPM that fails, hangs or
/// is reset is opened again, on a new thread, `retry_first` after the first failure and twice as
/// long after each further one, up to `retry_at_most`; every key is loaded and proven anew.
class TpmBackend final : public hsm::Backend, public hsm::BootStates {
public:
    struct Options {
        std::chrono::milliseconds retry_first{100};
        std::chrono::milliseconds retry_at_most{1000};
        hsm::StateObserver on_change;
    };

    /// Starts opening at once, in the background. `clock` outlives the backend.
    TpmBackend(TpmSettings settings, Options options, const Clock& clock);
    ~TpmBackend() override;
    TpmBackend(const TpmBackend&) = delete;
    TpmBackend& operator=(const TpmBackend&) = delete;

    hsm::BackendStatus status() const override;
    std::shared_ptr<const hsm::KeySnapshot> keys() const override;
    /// Errors also: unsupported, for an Ed25519 key without PCRs to seal it to.
    Result<hsm::StoredKey> generate(const hsm::KeyName& name, crypto::Algorithm algorithm) override;
    Status discard(const std::string& handle) override;
    /// Done means that our files of it are overwritten and gone; a copy of them made earlier still
    /// works.
    Status destroy(const hsm::KeyId& key) override;
    /// Errors also: queue_full; boot_not_approved; device_…, while that is why it is not ready.
    Result<crypto::Signature> sign(const hsm::KeyId& key, ByteView message,
                                   Deadline deadline) override;
    void distrust(const hsm::KeyId& key) override;
    /// There is no PIN.
    hsm::BackendStatus retry_pin(Deadline deadline) override;

    Result<BootState> boot_state() override;
    Status approve_boot(const BootState& state) override;

private:
    using MemoryKeys = std::map<hsm::KeyId, std::shared_ptr<const crypto::MemoryKey>>;
    /// The keys of a TPM that was opened.
    struct Found {
        hsm::KeySnapshot snapshot;
        MemoryKeys unsealed;
    };

    void keep();
    void reopen();
    Status open_with(const std::shared_ptr<Owner>& owner);
    Result<Found> load(Owner& owner, KeyStore::Contents contents) const;
    Status obey_boot_policy(Owner& owner);
    Status nobody_obeys_another() const;
    Result<Approver> make_approver(Owner& owner) const;
    /// What keys that are made from here on are used under; empty without PCRs.
    Result<Bytes> auth_policy() const;
    /// Does it on the TPM's thread, with the time that opening has.
    template <class T>
    Result<T> patiently(Owner& owner, std::function<Result<T>(Owner::Slot&)> work) const;
    void close();
    std::shared_ptr<Owner> owner() const;
    /// The right to change the files, of a TPM that is ready.
    struct Turn {
        std::unique_lock<std::mutex> alone;
        std::shared_ptr<Owner> owner;
    };
    /// Waits for nothing but changes under way: not for a TPM that is being opened.
    Result<Turn> turn();
    /// Those whose call has not returned yet.
    std::size_t left_behind();

    Error why_not_ready() const;
    void note_failure(const Owner& owner, const Error& error);

    void take(Found found);
    Result<KeyStore::Kept> make(Owner& owner, const hsm::KeyName& name,
                                crypto::Algorithm algorithm) const;
    Result<Found> look_again(Owner& owner);
    Status remove(Owner& owner, const std::string& id);

    const TpmSettings settings_;
    const Options options_;
    const KeyStore store_;
    const BootStore boot_store_;
    std::mutex changing_;  // held over every change of the files

    hsm::StoreState state_;
    hsm::KnownKeys known_;
    mutable std::mutex held_mutex_;  // over these three
    MemoryKeys unsealed_;
    std::optional<Approver> approver_;
    std::shared_ptr<Owner> owner_;

    // The keeper's.
    std::vector<std::function<bool()>> left_;
    std::chrono::milliseconds retry_after_{0};
    std::thread keeper_;
};

}  // namespace clawsigner::tpm
