#include "hsm/keyring.h"

#include "base/secret.h"

namespace clawsigner::hsm {
namespace {

/// The family's key of the highest version, or null.
const StoredKey* newest_key(const KeySnapshot& snapshot, crypto::Family family) {
    const StoredKey* newest = nullptr;
    for (const StoredKey& key : snapshot.keys) {
        if (key.name.family == family &&
            (newest == nullptr || key.name.version > newest->name.version)) {
            newest = &key;
        }
    }
    return newest;
}

/// The family's key of the highest version that its store will not sign with, or null.
const UnusableKey* newest_unusable(const KeySnapshot& snapshot, crypto::Family family,
                                   std::uint32_t& version) {
    const UnusableKey* newest = nullptr;
    for (const UnusableKey& key : snapshot.unusable) {
        const auto name = parse_key_label(key.label);
        if (!name || name->family != family) {
            continue;
        }
        const bool same_but_more = newest != nullptr && name->version == version &&
                                   newest->why.code == ErrorCode::key_missing;
        if (newest == nullptr || name->version > version || same_but_more) {
            newest = &key;
            version = name->version;
        }
    }
    return newest;
}

/// Why the family cannot sign although it has keys: its newest key is unusable, and an older one is
/// no substitute.
std::optional<Error> quarantine(const KeySnapshot& snapshot, crypto::Family family,
                                const StoredKey* newest) {
    std::uint32_t version = 0;
    const UnusableKey* bad = newest_unusable(snapshot, family, version);
    if (bad == nullptr || (newest != nullptr && newest->name.version > version)) {
        return std::nullopt;
    }
    // A public half alone does not make it doubtful which key is meant.
    if (newest != nullptr && newest->name.version == version &&
        bad->why.code == ErrorCode::key_missing) {
        return std::nullopt;
    }
    return Error(ErrorCode::key_quarantined, "key " + handle_of(*bad) + " (" + bad->label +
                                                 ") is not used: " + bad->why.message);
}

Error no_key(crypto::Family family, const Backend& backend) {
    const BackendState state = backend.status().state;
    if (state != BackendState::ready) {
        return not_ready(state);
    }
    std::string message = "no key for ";
    message.append(crypto::family_name(family))
        .append(" in its store; create one: clawsigner keys create ");
    return {ErrorCode::key_missing, message.append(crypto::family_name(family))};
}

}  // namespace

ActiveKey::ActiveKey(StoredKey key, Backend& backend, VerifyPolicy verify)
    : stored_(std::move(key)),
      identity_(crypto::identity_of(stored_.public_key)),
      backend_(&backend),
      verify_(verify) {}

bool ActiveKey::verify_next() const noexcept {
    return verify_.one_in <= 1 ||
           signed_.fetch_add(1, std::memory_order_relaxed) % verify_.one_in == 0;
}

Result<crypto::Signature> ActiveKey::sign_bytes(ByteView message, Deadline deadline,
                                                bool verify) const {
    auto signature = backend_->sign(stored_.id, message, deadline);
    if (signature.ok() && verify && !stored_.public_key.verifies(message, *signature)) {
        base::wipe_bytes(*signature);
        backend_->distrust(stored_.id);
        return Error(
            ErrorCode::key_quarantined,
            "key " + identity_.kid +
                " gave a signature that does not verify; its store is proving its keys again");
    }
    return signature;
}

Status ActiveKey::probe(Deadline deadline) const {
    TRY(const auto input, crypto::ProbeInput::fresh());
    TRY(auto signature, sign_bytes(input.bytes(), deadline, true));
    base::wipe_bytes(signature);
    return Status::done();
}

Result<std::shared_ptr<const ActiveKey>> Keyring::active(crypto::Family family) const {
    TRY(const Home home, this->home(family));
    auto snapshot = home.backend->keys();
    const std::lock_guard lock(cache_mutex_);
    Cached& cached = cache_[family];
    if (cached.snapshot != snapshot) {
        const StoredKey* newest = newest_key(*snapshot, family);
        cached.quarantine = quarantine(*snapshot, family, newest);
        cached.key = newest == nullptr
                         ? nullptr
                         : std::make_shared<const ActiveKey>(*newest, *home.backend, verify_);
        cached.snapshot = std::move(snapshot);
    }
    if (cached.quarantine) {
        return *cached.quarantine;
    }
    if (cached.key == nullptr) {
        return no_key(family, *home.backend);
    }
    return cached.key;
}

Result<StoredKey> Keyring::create(crypto::Family family, crypto::Algorithm algorithm) {
    if (!crypto::signs_with(family, algorithm)) {
        return Error::at("algorithm", "of a " + std::string(crypto::family_name(family)) +
                                          " key must be ed25519");
    }
    TRY(const Home home, this->home(family));
    const std::lock_guard lock(creating_);
    const auto snapshot = home.backend->keys();
    std::uint32_t version = 0;
    if (newest_key(*snapshot, family) != nullptr) {
        return Error(ErrorCode::key_exists,
                     std::string(crypto::family_name(family)) +
                         " has a key already; clawsigner keys list shows it");
    }
    if (const UnusableKey* bad = newest_unusable(*snapshot, family, version)) {
        return Error(ErrorCode::key_exists,
                     std::string(crypto::family_name(family)) +
                         " has a key that cannot be used; clawsigner keys list says why, and "
                         "clawsigner keys discard " +
                         handle_of(*bad) + " removes it");
    }
    return home.backend->generate(KeyName{family, 1}, algorithm);
}

Result<Keyring::Home> Keyring::home(crypto::Family family) const {
    const auto found = homes_.find(family);
    if (found == homes_.end()) {
        return Error(ErrorCode::key_missing, std::string(crypto::family_name(family)) +
                                                 " has no store in the configuration");
    }
    return found->second;
}

}  // namespace clawsigner::hsm
