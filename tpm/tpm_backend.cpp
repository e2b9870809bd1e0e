#include "tpm/tpm_backend.h"

#include "base/secret.h"
#include "crypto/digest.h"
#include "crypto/signing_input.h"
#include "tpm/patience.h"
#include "tpm/response.h"

#include <algorithm>
#include <utility>

namespace clawsigner::tpm {
namespace {

using hsm::BackendState;

constexpr std::size_t kMostLeft = 4;  // threads whose call may never return
constexpr std::size_t kSeedSize = 32;

Lane lane_of(crypto::Family family) noexcept {
    switch (family) {
        case crypto::Family::cst:
            return Lane::first;
        case crypto::Family::gateway_receipt:
            return Lane::last;
        default:
            return Lane::middle;
    }
}

hsm::KeyAttributes native_attributes() {
    return {true, true, false, true, true, false};
}

/// What is plain in this process's memory is neither sensitive nor kept from leaving.
hsm::KeyAttributes sealed_attributes() {
    return {false, false, true, false, true, false};
}

/// A key file says nothing of whether the TPM still signs with it, so each key signs once before it
/// is trusted, or once more when that does not verify.
Status prove(Device& device, const hsm::KeyId& id, const crypto::PublicKey& key) {
    for (int attempt = 0; attempt < 2; ++attempt) {
        TRY(const auto probe, crypto::ProbeInput::fresh());
        TRY(const auto signature, device.sign(id, crypto::sha256(probe.bytes())));
        if (key.verifies(probe.bytes(), signature)) {
            return Status::done();
        }
    }
    Error unproven(ErrorCode::key_quarantined,
                   "its signature does not verify with its public half");
    unproven.call = "TPM2_Sign";
    return unproven;
}

Result<crypto::PublicKey> load_native(Device& device, const KeyStore::Kept& kept) {
    TRY(auto key, device.load(kept.id, kept.file, kept.auth));
    if (const Status proven = prove(device, kept.id, key); !proven.ok()) {
        device.forget(kept.id);
        return proven.error();
    }
    return key;
}

Result<crypto::MemoryKey> unseal(Device& device, const KeyStore::Kept& kept) {
    TRY(const Secret seed, device.unseal(kept.file, *kept.auth));
    return crypto::MemoryKey::ed25519(seed);
}

/// Is it this key's trouble alone, so that the others may go on?
bool is_the_keys(const Error& error) {
    if (error.code == ErrorCode::boot_not_approved) {
        return true;
    }
    const Remedy remedy = remedy_of(error);
    return remedy == Remedy::object || remedy == Remedy::request;
}

}  // namespace

TpmBackend::TpmBackend(TpmSettings settings, Options options, const Clock& clock)
    : settings_(std::move(settings)),
      options_(std::move(options)),
      clock_(clock),
      store_(settings_.directory),
      boot_store_(settings_.directory / "boot"),
      keys_(std::make_shared<hsm::KeySnapshot>()) {
    status_.state = BackendState::opening;
    status_.since = clock.now();
    keeper_ = std::thread([this] { keep(); });
}

TpmBackend::~TpmBackend() {
    {
        const std::lock_guard lock(state_mutex_);
        stopping_ = true;
    }
    state_changed_.notify_all();
    keeper_.join();
}

void TpmBackend::keep() {
    std::unique_lock lock(state_mutex_);
    while (!stopping_) {
        if (status_.state == BackendState::ready) {
            retry_after_ = std::chrono::milliseconds(0);
            state_changed_.wait(lock);
            continue;
        }
        state_changed_.wait_for(lock, retry_after_, [this] { return stopping_; });
        if (stopping_) {
            break;
        }
        retry_after_ = std::clamp(2 * retry_after_, options_.retry_first, options_.retry_at_most);
        lock.unlock();
        reopen();
        lock.lock();
    }
    lock.unlock();
    close();
}

void TpmBackend::close() {
    std::shared_ptr<Owner> ended;
    {
        const std::lock_guard lock(state_mutex_);
        ended = std::exchange(owner_, nullptr);
    }
    if (ended != nullptr) {
        // Whoever is inside a call may hold it for longer; the TPM is not touched by it any more.
        ended->stop();
        left_.push_back(ended->still_there());
    }
}

std::size_t TpmBackend::left_behind() {
    std::erase_if(left_, [](const std::function<bool()>& there) { return !there(); });
    return left_.size();
}

std::shared_ptr<Owner> TpmBackend::owner() const {
    const std::lock_guard lock(state_mutex_);
    return owner_;
}

void TpmBackend::reopen() {
    if (const auto before = status(); before.state == BackendState::suspect) {
        set_state(BackendState::opening, before.why);
    }
    close();
    if (left_behind() >= kMostLeft) {
        set_state(BackendState::absent,
                  Error(ErrorCode::hsm_down,
                        "calls into the TPM have not returned; the TPM, or the way to it, hangs"));
        return;
    }
    const auto owner = std::make_shared<Owner>(Owner::Limits{settings_.lane});
    const Status opened = open_with(owner);
    if (!opened.ok()) {
        owner->stop();
        left_.push_back(owner->still_there());
        set_state(BackendState::absent, opened.error());
        return;
    }
    {
        const std::lock_guard lock(state_mutex_);
        owner_ = owner;
    }
    set_state(BackendState::ready, std::nullopt);
}

Status TpmBackend::open_with(const std::shared_ptr<Owner>& owner) {
    const std::lock_guard one_at_a_time(changing_);
    TRY(KeyStore::Contents contents, store_.read());
    struct Identity {
        std::string description;
        Bytes srk_name;
    };
    const Device::Settings wanted{settings_.tcti, settings_.srk, settings_.only_manufacturer};
    TRY(const Identity found,
        patiently<Identity>(*owner, [wanted, fence = owner->fence()](Owner::Slot& slot) {
            auto device = Device::open(wanted, fence);
            if (!device.ok()) {
                return Result<Identity>(device.error());
            }
            slot = std::move(device).value();
            return Result<Identity>(Identity{slot->description(), slot->srk_name()});
        }));
    {
        const std::lock_guard lock(state_mutex_);
        status_.device = found.description;
    }
    CHECK_OK(store_.recognise(found.srk_name));
    CHECK_OK(obey_boot_policy(*owner));
    TRY(Found keys, load(*owner, std::move(contents)));
    if (const auto doubt = doubt_of(keys.snapshot)) {
        return *doubt;
    }
    take(std::move(keys.snapshot), std::move(keys.unsealed));
    return Status::done();
}

/// One key at a time, so that each has its own time and the data path its turn.
Result<TpmBackend::Found> TpmBackend::load(Owner& owner, KeyStore::Contents contents) const {
    Found found;
    found.snapshot.unusable = std::move(contents.unusable);
    {
        const std::lock_guard lock(state_mutex_);
        found.unsealed = unsealed_;
    }
    for (const KeyStore::Kept& kept : contents.keys) {
        using Loaded = std::pair<crypto::PublicKey, std::shared_ptr<const crypto::MemoryKey>>;
        const bool sealed = kept.file.kind == KeyFile::Kind::sealed;
        const auto held = found.unsealed.find(kept.id);
        auto loaded = Result<Loaded>(Error());
        if (sealed && held != found.unsealed.end()) {
            loaded = Loaded(held->second->public_key(), held->second);
        } else {
            loaded = patiently<Loaded>(owner, [kept, sealed](Owner::Slot& slot) -> Result<Loaded> {
                if (!sealed) {
                    TRY(auto key, load_native(*slot, kept));
                    return Loaded(std::move(key), nullptr);
                }
                TRY(auto key, unseal(*slot, kept));
                auto public_key = key.public_key();
                return Loaded(std::move(public_key),
                              std::make_shared<const crypto::MemoryKey>(std::move(key)));
            });
        }
        if (!loaded.ok() && !is_the_keys(loaded.error())) {
            return loaded.error();
        }
        if (!loaded.ok()) {
            found.snapshot.unusable.push_back(
                {kept.id.text(), hsm::key_label(kept.name), loaded.error()});
            continue;
        }
        if (sealed) {
            found.unsealed[kept.id] = loaded->second;
        }
        found.snapshot.keys.push_back({kept.id, kept.name, loaded->first,
                                       sealed ? sealed_attributes() : native_attributes()});
    }
    return found;
}

/// A key that has signed here before and now signs wrongly is the TPM's trouble: nothing is signed
/// with any of its keys until it passes. One that never did is only that key's.
std::optional<Error> TpmBackend::doubt_of(const hsm::KeySnapshot& found) const {
    const std::lock_guard lock(state_mutex_);
    for (const hsm::UnusableKey& key : found.unusable) {
        const auto name = hsm::parse_key_label(key.label);
        if (name && key.why.call == "TPM2_Sign" && first_seen_.contains(*name)) {
            return Error(ErrorCode::hsm_down, "key " + key.id + ": " + key.why.message);
        }
    }
    return std::nullopt;
}

void TpmBackend::take(hsm::KeySnapshot found, MemoryKeys unsealed) {
    const std::lock_guard lock(state_mutex_);
    auto kept = std::make_shared<hsm::KeySnapshot>();
    kept->unusable = std::move(found.unusable);
    for (const hsm::StoredKey& key : found.keys) {
        const auto [known, added] = first_seen_.emplace(key.name, key.public_key);
        if (added || known->second == key.public_key) {
            kept->keys.push_back(key);
        } else {
            kept->unusable.push_back(
                {key.id.text(), key_label(key.name),
                 Error(ErrorCode::key_quarantined, "its public key is not the one it had before")});
        }
    }
    keys_ = std::move(kept);
    unsealed_ = std::move(unsealed);
}

void TpmBackend::set_state(BackendState state, std::optional<Error> why,
                           std::optional<BackendState> only_from) {
    const std::lock_guard in_order(telling_);
    hsm::BackendStatus changed;
    {
        const std::lock_guard lock(state_mutex_);
        if (only_from && status_.state != *only_from) {
            return;
        }
        const auto message_of = [](const std::optional<Error>& error) {
            return error ? error->message : std::string();
        };
        const bool news = status_.state != state || message_of(status_.why) != message_of(why);
        if (status_.state != state) {
            status_.since = clock_.now();
        }
        status_.state = state;
        status_.why = std::move(why);
        ready_ = state == BackendState::ready;
        if (!news) {
            return;
        }
        changed = status_;
    }
    state_changed_.notify_all();
    if (options_.on_change) {
        options_.on_change(changed);
    }
}

hsm::BackendStatus TpmBackend::status() const {
    const std::lock_guard lock(state_mutex_);
    return status_;
}

std::shared_ptr<const hsm::KeySnapshot> TpmBackend::keys() const {
    const std::lock_guard lock(state_mutex_);
    return keys_;
}

Error TpmBackend::why_not_ready() const {
    const hsm::BackendStatus now = status();
    Error error = hsm::not_ready(now.state);
    if (now.why) {
        switch (now.why->code) {
            case ErrorCode::device_locked:
            case ErrorCode::device_auth:
            case ErrorCode::device_full:
            case ErrorCode::device_changed:
            case ErrorCode::boot_not_approved:
                error.code = now.why->code;
                break;
            default:
                break;
        }
    }
    return error;
}

void TpmBackend::suspect(const Error& why) {
    set_state(BackendState::suspect, why, BackendState::ready);
}

/// The keys were proven when the TPM was opened, so what fails now is not theirs.
void TpmBackend::note_failure(const Owner& owner, const Error& error) {
    const bool ours = error.call.empty() || remedy_of(error) == Remedy::request ||
                      error.code == ErrorCode::boot_not_approved;
    if (owner.hangs() || !ours) {
        suspect(error);
    }
}

void TpmBackend::distrust(const hsm::KeyId& key) {
    suspect(Error(ErrorCode::hsm_down, "a signature of key " + key.text() + " did not verify"));
}

hsm::BackendStatus TpmBackend::retry_pin(Deadline) {
    return status();
}

Result<crypto::Signature> TpmBackend::sign(const hsm::KeyId& key, ByteView message,
                                           Deadline deadline) {
    if (!ready_) {
        return why_not_ready();
    }
    const auto known = keys();
    const auto stored = std::ranges::find(known->keys, key, &hsm::StoredKey::id);
    if (stored == known->keys.end()) {
        return Error(ErrorCode::key_missing, "key " + key.text() + " is not in the TPM");
    }
    std::shared_ptr<Owner> owner;
    std::shared_ptr<const crypto::MemoryKey> unsealed;
    {
        const std::lock_guard lock(state_mutex_);
        owner = owner_;
        const auto found = unsealed_.find(key);
        unsealed = found == unsealed_.end() ? nullptr : found->second;
    }
    if (owner == nullptr) {
        return why_not_ready();
    }
    if (unsealed != nullptr) {
        return unsealed->sign(message);
    }
    auto signature = owner->call<crypto::Signature>(
        lane_of(stored->name.family), deadline, settings_.call_timeout,
        [key, deadline, digest = crypto::sha256(message)](Owner::Slot& slot) {
            slot->be_done_by(deadline);
            return slot->sign(key, digest);
        });
    if (!signature.ok()) {
        note_failure(*owner, signature.error());
    }
    return signature;
}

Result<Bytes> TpmBackend::auth_policy() const {
    if (settings_.pcrs.empty()) {
        return Bytes();
    }
    const std::lock_guard lock(state_mutex_);
    if (!approver_) {
        return hsm::not_ready(status_.state);
    }
    return boot_auth_policy(approver_->public_key);
}

/// The TPM's randomness and the system's: neither alone decides.
Result<KeyStore::Kept> TpmBackend::make(Owner& owner, const hsm::KeyName& name,
                                        crypto::Algorithm algorithm) const {
    TRY(const hsm::KeyId id, hsm::KeyId::random());
    TRY(const Bytes policy, auth_policy());
    TRY(const Bytes more,
        patiently<Bytes>(owner, [](Owner::Slot& slot) { return slot->random(kSeedSize); }));
    TRY(Secret made_auth, KeyStore::new_auth(more));
    const auto auth = std::make_shared<const Secret>(std::move(made_auth));
    if (algorithm == crypto::Algorithm::p256) {
        TRY(KeyFile file, patiently<KeyFile>(owner, [auth, policy](Owner::Slot& slot) {
                return slot->create(*auth, policy);
            }));
        return KeyStore::Kept{id, name, std::move(file), auth};
    }
    TRY(KeyFile file,
        patiently<KeyFile>(owner, [auth, policy](Owner::Slot& slot) -> Result<KeyFile> {
            TRY(const Secret seed, slot->seed());
            return slot->seal(seed, *auth, policy);
        }));
    return KeyStore::Kept{id, name, std::move(file), auth};
}

Result<TpmBackend::Found> TpmBackend::look_again(Owner& owner) {
    TRY(KeyStore::Contents contents, store_.read());
    return load(owner, std::move(contents));
}

Result<hsm::StoredKey> TpmBackend::generate(const hsm::KeyName& name, crypto::Algorithm algorithm) {
    if (!ready_) {
        return why_not_ready();
    }
    if (algorithm == crypto::Algorithm::ed25519 && settings_.pcrs.empty()) {
        return Error(ErrorCode::unsupported,
                     "a TPM has no Ed25519; such a key can be sealed to it, under PCRs");
    }
    const std::lock_guard one_at_a_time(changing_);
    const auto owner = this->owner();
    if (owner == nullptr) {
        return why_not_ready();
    }
    const auto before = keys();
    if (std::ranges::find(before->keys, name, &hsm::StoredKey::name) != before->keys.end()) {
        return Error(ErrorCode::key_exists, "the TPM holds " + key_label(name) + " already");
    }
    auto made = make(*owner, name, algorithm);
    if (!made.ok()) {
        note_failure(*owner, made.error());
        return made.error();
    }
    if (const Status kept = store_.keep(*made); !kept.ok()) {
        suspect(kept.error());
        return Error(ErrorCode::hsm_down, "the files of the new key cannot be written");
    }
    auto found = look_again(*owner);
    if (!found.ok()) {
        note_failure(*owner, found.error());
        return found.error();
    }
    take(std::move(found->snapshot), std::move(found->unsealed));
    const auto after = keys();
    const auto stored = std::ranges::find(after->keys, made->id, &hsm::StoredKey::id);
    if (stored == after->keys.end()) {
        return Error(ErrorCode::key_quarantined,
                     "the new key " + made->id.text() + " failed its first signature");
    }
    return *stored;
}

/// The files first: what is gone from the disk does not come back with the next opening.
Status TpmBackend::remove(Owner& owner, const std::string& id) {
    const auto before = keys();
    if (const Status erased = store_.erase(id); !erased.ok()) {
        suspect(erased.error());
        return Error(ErrorCode::hsm_down, "the files of the key cannot be erased");
    }
    if (const auto key = hsm::KeyId::parse(id); key.ok()) {
        const Status forgotten = patiently<void>(owner, [key = *key](Owner::Slot& slot) {
            slot->forget(key);
            return Status::done();
        });
        if (!forgotten.ok()) {
            note_failure(owner, forgotten.error());
        }
    }
    const std::lock_guard lock(state_mutex_);
    auto after = std::make_shared<hsm::KeySnapshot>(*keys_);
    for (const hsm::StoredKey& key : before->keys) {
        if (key.id.text() == id) {
            first_seen_.erase(key.name);
            unsealed_.erase(key.id);
        }
    }
    std::erase_if(after->keys, [&](const hsm::StoredKey& key) { return key.id.text() == id; });
    std::erase_if(after->unusable, [&](const hsm::UnusableKey& key) { return key.id == id; });
    keys_ = std::move(after);
    return Status::done();
}

Status TpmBackend::discard(const std::string& handle) {
    if (!ready_) {
        return why_not_ready();
    }
    const std::lock_guard one_at_a_time(changing_);
    const auto owner = this->owner();
    if (owner == nullptr) {
        return why_not_ready();
    }
    TRY(Found found, look_again(*owner));
    take(std::move(found.snapshot), std::move(found.unsealed));
    const auto before = keys();
    const auto meant = [&](const hsm::StoredKey& key) { return key.id.text() == handle; };
    if (std::ranges::any_of(before->keys, meant)) {
        return Error(ErrorCode::key_in_use,
                     "the key can sign; only what cannot be used is discarded");
    }
    const auto rest = std::ranges::find_if(
        before->unusable, [&](const hsm::UnusableKey& key) { return handle_of(key) == handle; });
    if (rest == before->unusable.end()) {
        return Error::at("id", "names no key");
    }
    return remove(*owner, handle);
}

Status TpmBackend::destroy(const hsm::KeyId& key) {
    if (!ready_) {
        return why_not_ready();
    }
    const std::lock_guard one_at_a_time(changing_);
    const auto owner = this->owner();
    if (owner == nullptr) {
        return why_not_ready();
    }
    CHECK_OK(remove(*owner, key.text()));
    TRY(const KeyStore::Contents left, store_.read());
    const bool there =
        std::ranges::find(left.keys, key, &KeyStore::Kept::id) != left.keys.end() ||
        std::ranges::find(left.unusable, key.text(), &hsm::UnusableKey::id) != left.unusable.end();
    return there ? Status(Error(ErrorCode::key_in_use,
                                "files of key " + key.text() + " are still there"))
                 : Status::done();
}

}  // namespace clawsigner::tpm
