#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "hsm/key.h"
#include "tpm/boot_policy.h"
#include "tpm/key_file.h"
#include "tpm/stack.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace clawsigner::tpm {

/// A TPM that is open, and the keys in it. For the one thread that owns the TPM; every call may
/// take as long as the TPM does.
class Device {
public:
    struct Settings {
        std::string tcti;
        std::uint32_t srk = 0x81000001;                // TCG Provisioning Guidance, table 2
        std::optional<std::string> only_manufacturer;  // TPM2_PT_MANUFACTURER, as text
    };

    /// Starts the TPM if nobody has; where nothing shares its memory, puts out what others left in
    /// it; makes the storage root key if there is none. Errors: hsm_down; device_auth,
    /// device_full, device_locked; device_changed, for another manufacturer.
    static Result<std::unique_ptr<Device>> open(const Settings& settings, Fence fence);
    ~Device() = default;
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    /// "IBM SW TPM, firmware 1.2.3.4".
    const std::string& description() const noexcept { return description_; }
    /// Of the storage root key: another TPM, or a cleared one, has another.
    const Bytes& srk_name() const noexcept { return srk_name_; }

    /// Until when calls from here on may be repeated while the TPM asks for it.
    void be_done_by(Deadline deadline) noexcept { deadline_ = deadline; }
    void obey(BootPolicy policy) { boot_.obey(std::move(policy)); }
    Result<BootState> boot_state(const std::vector<unsigned>& pcrs);

    Result<Bytes> random(std::size_t size);
    /// 32 bytes of the TPM's randomness and the system's: either alone would do.
    Result<Secret> seed();

    /// Makes a P-256 key. `auth` crosses the bus encrypted.
    Result<KeyFile> create(const Secret& auth, ByteView policy);
    /// Seals `data`, which crosses the bus encrypted.
    Result<KeyFile> seal(const Secret& data, const Secret& auth, ByteView policy);
    /// What seal() sealed. Errors: boot_not_approved; key_quarantined.
    Result<Secret> unseal(const KeyFile& file, const Secret& auth);

    /// From here on `id` is this key; loads it and shows its public half. `auth` is shared with its
    /// other holders. Errors: key_quarantined, when it is not this TPM's or was changed.
    Result<crypto::PublicKey> load(const hsm::KeyId& id, const KeyFile& file,
                                   std::shared_ptr<const Secret> auth);
    void forget(const hsm::KeyId& id) { keys_.erase(id); }

    /// Not verified. Errors: key_missing, boot_not_approved, key_quarantined; hsm_down.
    Result<crypto::Signature> sign(const hsm::KeyId& id, ByteView digest);

    /// Puts out what is loaded, and where nobody else uses the TPM tells it that power may go.
    void close();

private:
    struct Key {
        TPM2B_PUBLIC public_area{};
        TPM2B_PRIVATE private_area{};
        std::shared_ptr<const Secret> auth;
        Flushed loaded;
        std::uint64_t used = 0;
    };

    explicit Device(const Settings& settings) : settings_(settings) {}

    ESYS_CONTEXT* esys() const noexcept { return stack_->esys(); }
    /// Calls until it succeeds, or nothing that may be done here helps.
    Status call(std::string_view name, const std::function<TSS2_RC()>& command);
    bool make_room();

    Status start();
    Status put_out_strangers();
    Status put_out_sessions();
    Status put_out(std::uint32_t first);
    /// Has the session that keeps new ones from being begun been put out?
    bool clear_gap(const Error& error);
    Status describe();
    Status find_srk();
    Status find_persistent();
    Status make_srk();
    Result<Flushed> create_srk();
    Status adopt_srk(const TPM2B_PUBLIC& key);
    Result<std::uint32_t> property(std::uint32_t which);
    Result<Flushed> salted_session(TPMA_SESSION attributes);
    Result<Flushed> load_object(const TPM2B_PRIVATE& private_area, const TPM2B_PUBLIC& public_area);
    Result<KeyFile> create_object(const TPM2B_PUBLIC& wanted, const Secret& data,
                                  const Secret& auth, KeyFile::Kind kind);
    Status load_key(Key& key);
    /// Runs `command` with the session that lets `object` be used.
    Status authorised(std::string_view name, ESYS_TR object, const TPM2B_PUBLIC& area,
                      const Secret& auth, const std::function<TSS2_RC(ESYS_TR session)>& command);

    const Settings settings_;
    std::unique_ptr<Stack> stack_;
    std::string description_;
    ESYS_TR srk_ = ESYS_TR_NONE;
    Bytes srk_name_;
    BootSessions boot_;
    std::map<hsm::KeyId, Key> keys_;  // before stack_ goes
    const Key* in_use_ = nullptr;
    std::uint64_t uses_ = 0;
    Deadline deadline_ = Deadline::max();
};

}  // namespace clawsigner::tpm
