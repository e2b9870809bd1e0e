#include "hsm/keyring.h"

#include "base/secret.h"

#include <algorithm>

namespace clawsigner::hsm {
namespace {

/// Why a store has no such key to sign with.
Error not_usable(const KeySnapshot& snapshot, const Backend& backend, const AssignedKey& wanted) {
    const std::string id = wanted.id.text();
    const auto unusable = std::ranges::find(snapshot.unusable, id, &UnusableKey::id);
    if (unusable != snapshot.unusable.end()) {
        const bool boot = unusable->why.code == ErrorCode::boot_not_approved;
        return {boot ? ErrorCode::boot_not_approved : ErrorCode::key_quarantined,
                "key " + id + " (" + unusable->label + ") is not used: " + unusable->why.message};
    }
    const BackendStatus status = backend.status();
    if (status.state != BackendState::ready && status.device.empty()) {
        return not_ready(status.state);
    }
    return {ErrorCode::key_missing, "key " + id + " is not in its store any more"};
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

void Keyring::assign(crypto::Family family, Assignment assignment) {
    const std::lock_guard lock(mutex_);
    Assignment& current = assigned_[family];
    if (current.active != assignment.active) {
        cache_.erase(family);
    }
    current = std::move(assignment);
}

Result<std::shared_ptr<const ActiveKey>> Keyring::key(crypto::Family family,
                                                      const AssignedKey& wanted) const {
    TRY(const Home home, this->home(family));
    const auto snapshot = home.backend->keys();
    const auto found = std::ranges::find(snapshot->keys, wanted.id, &StoredKey::id);
    if (found == snapshot->keys.end()) {
        return not_usable(*snapshot, *home.backend, wanted);
    }
    if (!(found->public_key == wanted.public_key)) {
        return Error(ErrorCode::key_quarantined,
                     "key " + wanted.id.text() + " has another public key than it was made with");
    }
    return std::make_shared<const ActiveKey>(*found, *home.backend, verify_);
}

Result<std::shared_ptr<const ActiveKey>> Keyring::active(crypto::Family family) const {
    TRY(const Home home, this->home(family));
    auto snapshot = home.backend->keys();
    const std::lock_guard lock(mutex_);
    const auto found_assignment = assigned_.find(family);
    const Assignment* assigned =
        found_assignment == assigned_.end() ? nullptr : &found_assignment->second;
    if (assigned == nullptr || !assigned->active.has_value()) {
        const BackendState state = home.backend->status().state;
        return assigned != nullptr            ? assigned->why
               : state == BackendState::ready ? Assignment().why
                                              : not_ready(state);
    }
    const AssignedKey& wanted = *assigned->active;
    Cached& cached = cache_[family];
    if (cached.snapshot != snapshot || cached.key == nullptr) {
        auto found = key(family, wanted);
        cached.key = found.ok() ? *found : nullptr;
        cached.why = found.ok() ? std::nullopt : std::optional(found.error());
        cached.snapshot = std::move(snapshot);
    }
    if (cached.why) {
        return *cached.why;
    }
    return cached.key;
}

Result<std::vector<std::shared_ptr<const ActiveKey>>> Keyring::signing(
    crypto::Family family) const {
    TRY(auto first, active(family));
    std::vector<std::shared_ptr<const ActiveKey>> keys{std::move(first)};
    std::vector<AssignedKey> fading;
    {
        const std::lock_guard lock(mutex_);
        fading = assigned_.at(family).fading;
    }
    for (const AssignedKey& wanted : fading) {
        if (auto found = key(family, wanted); found.ok()) {
            keys.push_back(*std::move(found));
        }
    }
    return keys;
}

Result<StoredKey> Keyring::generate(const KeyName& name, crypto::Algorithm algorithm) {
    if (!crypto::signs_with(name.family, algorithm)) {
        return Error::at("algorithm", "of a " + std::string(crypto::family_name(name.family)) +
                                          " key must be ed25519");
    }
    TRY(const Home home, this->home(name.family));
    // What is published of a family's keys holds for each of them.
    const bool sealed = algorithm == crypto::Algorithm::ed25519;
    if (home.custody != Custody::pkcs11 && sealed != (home.custody == Custody::tpm_sealed)) {
        return Error::at("algorithm", "of a " + std::string(crypto::family_name(name.family)) +
                                          " key must be the one that is configured: the family "
                                          "lives in a TPM, either native or sealed");
    }
    return home.backend->generate(name, algorithm);
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
