#include "tpm/device.h"

#include "crypto/digest.h"
#include "crypto/random.h"
#include "tpm/templates.h"

#include <tss2/tss2_sys.h>

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

namespace clawsigner::tpm {
namespace {

constexpr auto kFirstPause = std::chrono::milliseconds(2);
constexpr auto kLongestPause = std::chrono::milliseconds(100);
constexpr std::uint32_t kInLockout = 1U << 9U;  // TPMA_PERMANENT (Part 2, section 8.6)

/// The key's auth value is in ESAPI's own memory only while a command is under way.
class Authorisation {
public:
    Authorisation(ESYS_CONTEXT* esys, ESYS_TR object, const Secret& auth)
        : esys_(esys), object_(object) {
        TPM2B_AUTH value{};
        fill(value, auth.expose());
        Esys_TR_SetAuth(esys_, object_, &value);
        base::wipe_bytes(value.buffer);
    }
    ~Authorisation() {
        const TPM2B_AUTH nothing{};
        Esys_TR_SetAuth(esys_, object_, &nothing);
    }
    Authorisation(const Authorisation&) = delete;
    Authorisation& operator=(const Authorisation&) = delete;

private:
    ESYS_CONTEXT* esys_;
    ESYS_TR object_;
};

TPM2B_SENSITIVE_CREATE sensitive_of(const Secret& data, const Secret& auth) {
    TPM2B_SENSITIVE_CREATE sensitive{};
    fill(sensitive.sensitive.userAuth, auth.expose());
    fill(sensitive.sensitive.data, data.expose());
    return sensitive;
}

void wipe(TPM2B_SENSITIVE_CREATE& sensitive) {
    base::wipe_bytes({reinterpret_cast<std::uint8_t*>(&sensitive), sizeof(sensitive)});
}

/// Four characters of a property, without what fills them up.
std::string text_of(std::uint32_t property) {
    std::string text;
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
        const auto character = static_cast<char>((property >> shift) & 0xFFU);
        if (character > ' ' && character <= '~') {
            text.push_back(character);
        }
    }
    return text;
}

std::string version_of(std::uint32_t high, std::uint32_t low) {
    return std::to_string(high >> 16U) + "." + std::to_string(high & 0xFFFFU) + "." +
           std::to_string(low >> 16U) + "." + std::to_string(low & 0xFFFFU);
}

Error needs_owner(Error error) {
    if (remedy_of(error) == Remedy::object) {
        error.code = ErrorCode::device_auth;
        error.message.append(
            ": the owner hierarchy has an auth value; whoever has it makes the storage root key: "
            "tpm2_createprimary -C o -P AUTH -G ecc -c srk.ctx, then tpm2_evictcontrol -C o -P "
            "AUTH -c srk.ctx 0x81000001");
    }
    return error;
}

Result<crypto::Signature> plain_signature(const TPMT_SIGNATURE& made) {
    const auto& [hash, r, s] = made.signature.ecdsa;
    crypto::Signature signature{};
    if (made.sigAlg != TPM2_ALG_ECDSA || r.size > 32 || s.size > 32) {
        return error_from("TPM2_Sign", TSS2_ESYS_RC_MALFORMED_RESPONSE);
    }
    std::copy_n(r.buffer, r.size, signature.begin() + (32 - r.size));
    std::copy_n(s.buffer, s.size, signature.begin() + (64 - s.size));
    crypto::use_low_s(signature);
    return signature;
}

}  // namespace

Result<std::unique_ptr<Device>> Device::open(const Settings& settings, Fence fence) {
    std::unique_ptr<Device> device(new Device(settings));
    TRY(device->stack_, Stack::open(settings.tcti, std::move(fence)));
    CHECK_OK(device->start());
    CHECK_OK(device->describe());
    CHECK_OK(device->put_out_strangers());
    CHECK_OK(device->find_srk());
    return device;
}

Status Device::call(std::string_view name, const std::function<TSS2_RC()>& command) {
    auto pause = kFirstPause;
    for (;;) {
        if (stack_->fenced()) {
            return Error(ErrorCode::hsm_down, "nobody waits for this call any more");
        }
        Status done = check(name, command());
        if (done.ok()) {
            return done;
        }
        const Remedy remedy = remedy_of(done.error());
        const bool again = remedy == Remedy::retry || (remedy == Remedy::room && make_room());
        if (!again || std::chrono::steady_clock::now() + pause > deadline_) {
            return done;
        }
        if (remedy == Remedy::retry) {
            std::this_thread::sleep_for(pause);
            pause = std::min(2 * pause, std::chrono::milliseconds(kLongestPause));
        }
    }
}

/// The key that was not used for longest is loaded again when it is next asked for.
bool Device::make_room() {
    Key* oldest = nullptr;
    for (auto& [id, key] : keys_) {
        if (key.loaded && &key != in_use_ && (oldest == nullptr || key.used < oldest->used)) {
            oldest = &key;
        }
    }
    if (oldest != nullptr) {
        oldest->loaded.flush();
    }
    return oldest != nullptr;
}

/// TPM_RC_INITIALIZE: somebody has started it already, as firmware does.
Status Device::start() {
    if (has_resource_manager(settings_.tcti)) {
        return Status::done();
    }
    return call("TPM2_Startup", [&] {
        const TSS2_RC rc = Esys_Startup(esys(), TPM2_SU_CLEAR);
        return rc == TPM2_RC_INITIALIZE ? TSS2_RC_SUCCESS : rc;
    });
}

Result<std::uint32_t> Device::property(std::uint32_t which) {
    TPMS_CAPABILITY_DATA* raw = nullptr;
    CHECK_OK(call("TPM2_GetCapability", [&] {
        return Esys_GetCapability(esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                  TPM2_CAP_TPM_PROPERTIES, which, 1, nullptr, &raw);
    }));
    const EsysPtr<TPMS_CAPABILITY_DATA> data(raw);
    const TPML_TAGGED_TPM_PROPERTY& found = data->data.tpmProperties;
    // The TPM answers with what comes next when it does not have this one.
    return found.count > 0 && found.tpmProperty[0].property == which ? found.tpmProperty[0].value
                                                                     : 0;
}

Status Device::describe() {
    TRY(const std::uint32_t manufacturer, property(TPM2_PT_MANUFACTURER));
    if (settings_.only_manufacturer && text_of(manufacturer) != *settings_.only_manufacturer) {
        return Error(ErrorCode::device_changed, "this is a TPM of manufacturer " +
                                                    text_of(manufacturer) + ", not of " +
                                                    *settings_.only_manufacturer);
    }
    TRY(const std::uint32_t first, property(TPM2_PT_VENDOR_STRING_1));
    TRY(const std::uint32_t second, property(TPM2_PT_VENDOR_STRING_2));
    TRY(const std::uint32_t high, property(TPM2_PT_FIRMWARE_VERSION_1));
    TRY(const std::uint32_t low, property(TPM2_PT_FIRMWARE_VERSION_2));
    TRY(const std::uint32_t permanent, property(TPM2_PT_PERMANENT));
    description_ = "TPM 2.0 of " + text_of(manufacturer) + " (" + text_of(first) + text_of(second) +
                   "), firmware " + version_of(high, low) +
                   ((permanent & kInLockout) != 0 ? ", in dictionary attack lockout" : "");
    return Status::done();
}

/// Where nothing shares the TPM's memory, a process that died has left in it what it had.
Status Device::put_out_strangers() {
    if (has_resource_manager(settings_.tcti)) {
        return Status::done();
    }
    CHECK_OK(put_out(TPM2_TRANSIENT_FIRST));
    return put_out_sessions();
}

/// Also those that are saved: the oldest of them, left behind by whoever died, keeps the TPM from
/// beginning new ones after some ten thousand (Part 1, section 30.5).
Status Device::put_out_sessions() {
    if (has_resource_manager(settings_.tcti)) {
        return Status::done();
    }
    CHECK_OK(put_out(TPM2_LOADED_SESSION_FIRST));
    return put_out(TPM2_ACTIVE_SESSION_FIRST);
}

Status Device::put_out(std::uint32_t first) {
    TSS2_SYS_CONTEXT* sys = nullptr;
    CHECK_OK(check("Esys_GetSysContext", Esys_GetSysContext(esys(), &sys)));
    TPMS_CAPABILITY_DATA* raw = nullptr;
    CHECK_OK(call("TPM2_GetCapability", [&] {
        return Esys_GetCapability(esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                  TPM2_CAP_HANDLES, first, TPM2_MAX_CAP_HANDLES, nullptr, &raw);
    }));
    const EsysPtr<TPMS_CAPABILITY_DATA> data(raw);
    const TPML_HANDLE& found = data->data.handles;
    for (UINT32 i = 0; i < found.count; ++i) {
        const TPM2_HANDLE handle = found.handle[i];
        CHECK_OK(call("TPM2_FlushContext", [&] { return Tss2_Sys_FlushContext(sys, handle); }));
    }
    return Status::done();
}

bool Device::clear_gap(const Error& error) {
    return plain_code(static_cast<std::uint32_t>(error.native)) == TPM2_RC_CONTEXT_GAP &&
           !has_resource_manager(settings_.tcti) && put_out_sessions().ok();
}

Result<Flushed> Device::create_srk() {
    const TPM2B_SENSITIVE_CREATE sensitive{};
    const TPM2B_PUBLIC wanted = srk_template();
    const TPM2B_DATA no_data{};
    const TPML_PCR_SELECTION no_pcrs{};
    ESYS_TR raw = ESYS_TR_NONE;
    CHECK_OK(call("TPM2_CreatePrimary", [&] {
        return Esys_CreatePrimary(esys(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                  ESYS_TR_NONE, &sensitive, &wanted, &no_data, &no_pcrs, &raw,
                                  nullptr, nullptr, nullptr, nullptr);
    }));
    return Flushed(*stack_, raw);
}

Status Device::adopt_srk(const TPM2B_PUBLIC& key) {
    if (!is_storage_key(key)) {
        return Error(ErrorCode::device_changed,
                     "what is at the handle of the storage root key is no storage key of this TPM");
    }
    TRY(srk_name_, name_of(key));
    return Status::done();
}

/// Error: hsm_down and others; TPM_RC_HANDLE, when there is none.
Status Device::find_persistent() {
    return call("TPM2_ReadPublic", [&] {
        return Esys_TR_FromTPMPublic(esys(), settings_.srk, ESYS_TR_NONE, ESYS_TR_NONE,
                                     ESYS_TR_NONE, &srk_);
    });
}

Status Device::make_srk() {
    TRY(const Flushed primary, create_srk());
    return call("TPM2_EvictControl", [&] {
        return Esys_EvictControl(esys(), ESYS_TR_RH_OWNER, primary.get(), ESYS_TR_PASSWORD,
                                 ESYS_TR_NONE, ESYS_TR_NONE, settings_.srk, &srk_);
    });
}

Status Device::find_srk() {
    Status found = find_persistent();
    if (!found.ok() &&
        plain_code(static_cast<std::uint32_t>(found.error().native)) == TPM2_RC_HANDLE) {
        found = make_srk();
        if (!found.ok()) {
            return needs_owner(found.error());
        }
    }
    CHECK_OK(std::move(found));
    TPM2B_PUBLIC* raw = nullptr;
    CHECK_OK(call("TPM2_ReadPublic", [&] {
        return Esys_ReadPublic(esys(), srk_, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &raw,
                               nullptr, nullptr);
    }));
    const EsysPtr<TPM2B_PUBLIC> area(raw);
    return adopt_srk(*area);
}

Result<BootState> Device::boot_state(const std::vector<unsigned>& pcrs) {
    return current_boot_state(esys(), pcrs);
}

Result<Bytes> Device::random(std::size_t size) {
    TPM2B_DIGEST* raw = nullptr;
    CHECK_OK(call("TPM2_GetRandom", [&] {
        return Esys_GetRandom(esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                              static_cast<UINT16>(size), &raw);
    }));
    const EsysPtr<TPM2B_DIGEST> got(raw);
    if (got->size != size) {
        return error_from("TPM2_GetRandom", TSS2_ESYS_RC_MALFORMED_RESPONSE);
    }
    Bytes bytes(got->buffer, got->buffer + got->size);
    base::wipe_bytes(got->buffer);
    return bytes;
}

Result<Secret> Device::seed() {
    TRY(Bytes of_tpm, random(crypto::Sha256().size()));
    TRY(Secret seed, Secret::zeroed(of_tpm.size()));
    const std::span<std::uint8_t> bytes = seed.expose_mutable();
    CHECK_OK(crypto::fill_random(bytes));
    std::ranges::transform(bytes, of_tpm, bytes.begin(),
                           [](std::uint8_t a, std::uint8_t b) -> std::uint8_t { return a ^ b; });
    base::wipe_bytes(of_tpm);
    return seed;
}

/// For what must not be read on the bus: its key is agreed upon with the storage root key.
Result<Flushed> Device::salted_session(TPMA_SESSION attributes) {
    TPMT_SYM_DEF aes{};
    aes.algorithm = TPM2_ALG_AES;
    aes.keyBits.aes = 128;
    aes.mode.aes = TPM2_ALG_CFB;
    ESYS_TR raw = ESYS_TR_NONE;
    CHECK_OK(call("TPM2_StartAuthSession", [&] {
        return Esys_StartAuthSession(esys(), srk_, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                     ESYS_TR_NONE, nullptr, TPM2_SE_HMAC, &aes, TPM2_ALG_SHA256,
                                     &raw);
    }));
    Flushed session(*stack_, raw);
    CHECK_OK(check(
        "Esys_TRSess_SetAttributes",
        Esys_TRSess_SetAttributes(esys(), raw, attributes | TPMA_SESSION_CONTINUESESSION, 0xFF)));
    return session;
}

Result<KeyFile> Device::create_object(const TPM2B_PUBLIC& wanted, const Secret& data,
                                      const Secret& auth, KeyFile::Kind kind) {
    TRY(const Flushed session, salted_session(TPMA_SESSION_DECRYPT));
    TPM2B_SENSITIVE_CREATE sensitive = sensitive_of(data, auth);
    const TPM2B_DATA no_data{};
    const TPML_PCR_SELECTION no_pcrs{};
    TPM2B_PRIVATE* raw_private = nullptr;
    TPM2B_PUBLIC* raw_public = nullptr;
    const Status created = call("TPM2_Create", [&] {
        return Esys_Create(esys(), srk_, session.get(), ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
                           &wanted, &no_data, &no_pcrs, &raw_private, &raw_public, nullptr, nullptr,
                           nullptr);
    });
    wipe(sensitive);
    CHECK_OK(created);
    const EsysPtr<TPM2B_PRIVATE> private_area(raw_private);
    const EsysPtr<TPM2B_PUBLIC> public_area(raw_public);
    KeyFile file{kind, settings_.srk, {}, {}};
    TRY(file.public_area, marshal(*public_area));
    TRY(file.private_area, marshal(*private_area));
    return file;
}

Result<KeyFile> Device::create(const Secret& auth, ByteView policy) {
    return create_object(signing_template(policy), Secret(), auth, KeyFile::Kind::loadable);
}

Result<KeyFile> Device::seal(const Secret& data, const Secret& auth, ByteView policy) {
    return create_object(sealing_template(policy), data, auth, KeyFile::Kind::sealed);
}

Result<Flushed> Device::load_object(const TPM2B_PRIVATE& private_area,
                                    const TPM2B_PUBLIC& public_area) {
    ESYS_TR raw = ESYS_TR_NONE;
    CHECK_OK(call("TPM2_Load", [&] {
        return Esys_Load(esys(), srk_, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &private_area,
                         &public_area, &raw);
    }));
    return Flushed(*stack_, raw);
}

Status Device::load_key(Key& key) {
    if (!key.loaded) {
        TRY(key.loaded, load_object(key.private_area, key.public_area));
    }
    key.used = ++uses_;
    return Status::done();
}

Result<crypto::PublicKey> Device::load(const hsm::KeyId& id, const KeyFile& file,
                                       std::shared_ptr<const Secret> auth) {
    Key key;
    TRY(key.public_area, unmarshal_public(file.public_area));
    TRY(key.private_area, unmarshal_private(file.private_area));
    key.auth = std::move(auth);
    if (file.kind != KeyFile::Kind::loadable || !is_signing_key(key.public_area)) {
        return Error(ErrorCode::key_quarantined,
                     "the key file is of no key that only signs and cannot leave its TPM");
    }
    TRY(auto public_key, public_key_of(key.public_area));
    CHECK_OK(load_key(key));
    keys_[id] = std::move(key);
    return public_key;
}

Status Device::authorised(std::string_view name, ESYS_TR object, const TPM2B_PUBLIC& area,
                          const Secret& auth,
                          const std::function<TSS2_RC(ESYS_TR session)>& command) {
    const Authorisation authorisation(esys(), object, auth);
    if (area.publicArea.authPolicy.size == 0) {
        return call(name, [&] { return command(ESYS_TR_PASSWORD); });
    }
    // A policy session serves one command, also one that fails.
    Status done;
    do {
        if (stack_->fenced()) {
            return Error(ErrorCode::hsm_down, "nobody waits for this call any more");
        }
        auto session = boot_.open(*stack_);
        if (!session.ok() && clear_gap(session.error())) {
            session = boot_.open(*stack_);
        }
        if (!session.ok()) {
            return session.error();
        }
        done = check(name, command(session->get()));
    } while (!done.ok() && remedy_of(done.error()) == Remedy::retry &&
             std::chrono::steady_clock::now() < deadline_);
    return done;
}

Result<crypto::Signature> Device::sign(const hsm::KeyId& id, ByteView digest) {
    const auto found = keys_.find(id);
    if (found == keys_.end()) {
        return Error(ErrorCode::key_missing, "key " + id.text() + " is not in the TPM");
    }
    Key& key = found->second;
    in_use_ = &key;
    CHECK_OK(load_key(key));
    TPM2B_DIGEST message{};
    fill(message, digest);
    TPMT_SIG_SCHEME scheme{};
    scheme.scheme = TPM2_ALG_NULL;  // the key's own
    TPMT_TK_HASHCHECK ticket{};
    ticket.tag = TPM2_ST_HASHCHECK;
    ticket.hierarchy = TPM2_RH_NULL;
    TPMT_SIGNATURE* raw = nullptr;
    CHECK_OK(
        authorised("TPM2_Sign", key.loaded.get(), key.public_area, *key.auth, [&](ESYS_TR session) {
            return Esys_Sign(esys(), key.loaded.get(), session, ESYS_TR_NONE, ESYS_TR_NONE,
                             &message, &scheme, &ticket, &raw);
        }));
    const EsysPtr<TPMT_SIGNATURE> signature(raw);
    return plain_signature(*signature);
}

Result<Secret> Device::unseal(const KeyFile& file, const Secret& auth) {
    TRY(const TPM2B_PUBLIC public_area, unmarshal_public(file.public_area));
    TRY(const TPM2B_PRIVATE private_area, unmarshal_private(file.private_area));
    if (file.kind != KeyFile::Kind::sealed || !is_sealed_data(public_area)) {
        return Error(ErrorCode::key_quarantined, "the key file is of nothing that was sealed here");
    }
    in_use_ = nullptr;
    TRY(const Flushed object, load_object(private_area, public_area));
    TRY(const Flushed hiding, salted_session(TPMA_SESSION_ENCRYPT));
    TPM2B_SENSITIVE_DATA* raw = nullptr;
    CHECK_OK(authorised("TPM2_Unseal", object.get(), public_area, auth, [&](ESYS_TR session) {
        return Esys_Unseal(esys(), object.get(), session, hiding.get(), ESYS_TR_NONE, &raw);
    }));
    const EsysPtr<TPM2B_SENSITIVE_DATA> data(raw);
    auto secret = Secret::copy_of({data->buffer, data->size});
    base::wipe_bytes(data->buffer);
    // What ESAPI has decrypted stands where the next answer goes.
    CHECK_OK(random(32));
    return secret;
}

void Device::close() {
    keys_.clear();
    if (!has_resource_manager(settings_.tcti)) {
        Esys_Shutdown(esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, TPM2_SU_CLEAR);
    }
}

}  // namespace clawsigner::tpm
