#include "base/secret.h"
#include "crypto/digest.h"
#include "crypto/signing_input.h"
#include "tpm/patience.h"
#include "tpm/response.h"
#include "tpm/tpm_backend.h"

#include <algorithm>
#include <utility>

/// What the backend does about its keys, but for signing with them.
namespace clawsigner::tpm {
namespace {

constexpr std::size_t kSeedSize = 32;

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

/// One key at a time, so that each has its own time and the data path its turn.
Result<TpmBackend::Found> TpmBackend::load(Owner& owner, KeyStore::Contents contents) const {
    Found found;
    found.snapshot.unusable = std::move(contents.unusable);
    {
        const std::lock_guard lock(held_mutex_);
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

Result<Bytes> TpmBackend::auth_policy() const {
    if (settings_.pcrs.empty()) {
        return Bytes();
    }
    const std::lock_guard lock(held_mutex_);
    if (!approver_) {
        return hsm::not_ready(status().state);
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
    if (algorithm == crypto::Algorithm::ed25519 && settings_.pcrs.empty()) {
        return Error(ErrorCode::unsupported,
                     "a TPM has no Ed25519; such a key can be sealed to it, under PCRs");
    }
    TRY(const Turn turn, this->turn());
    Owner& owner = *turn.owner;
    const auto before = keys();
    if (std::ranges::find(before->keys, name, &hsm::StoredKey::name) != before->keys.end()) {
        return Error(ErrorCode::key_exists, "the TPM holds " + key_label(name) + " already");
    }
    auto made = make(owner, name, algorithm);
    if (!made.ok()) {
        note_failure(owner, made.error());
        return made.error();
    }
    if (const Status kept = store_.keep(*made); !kept.ok()) {
        state_.suspect(kept.error());
        return Error(ErrorCode::hsm_down, "the files of the new key cannot be written");
    }
    auto found = look_again(owner);
    if (!found.ok()) {
        note_failure(owner, found.error());
        return found.error();
    }
    take(std::move(found).value());
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
        state_.suspect(erased.error());
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
    known_.forget(*before, id);
    hsm::KeySnapshot after = *before;
    std::erase_if(after.keys, [&](const hsm::StoredKey& key) { return key.id.text() == id; });
    std::erase_if(after.unusable, [&](const hsm::UnusableKey& key) { return key.id == id; });
    known_.take(std::move(after));
    const std::lock_guard lock(held_mutex_);
    std::erase_if(unsealed_, [&](const auto& key) { return key.first.text() == id; });
    return Status::done();
}

Status TpmBackend::discard(const std::string& handle) {
    TRY(const Turn turn, this->turn());
    Owner& owner = *turn.owner;
    TRY(Found found, look_again(owner));
    take(std::move(found));
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
    return remove(owner, handle);
}

Status TpmBackend::destroy(const hsm::KeyId& key) {
    TRY(const Turn turn, this->turn());
    Owner& owner = *turn.owner;
    CHECK_OK(remove(owner, key.text()));
    TRY(const KeyStore::Contents left, store_.read());
    const bool there =
        std::ranges::find(left.keys, key, &KeyStore::Kept::id) != left.keys.end() ||
        std::ranges::find(left.unusable, key.text(), &hsm::UnusableKey::id) != left.unusable.end();
    return there ? Status(Error(ErrorCode::key_in_use,
                                "files of key " + key.text() + " are still there"))
                 : Status::done();
}

}  // namespace clawsigner::tpm
