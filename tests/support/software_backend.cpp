#include "support/software_backend.h"

namespace clawsigner::tests {

hsm::BackendStatus SoftwareBackend::status() const {
    hsm::BackendStatus status;
    status.state = state_;
    status.device = "memory";
    return status;
}

std::shared_ptr<const hsm::KeySnapshot> SoftwareBackend::keys() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
}

Result<hsm::StoredKey> SoftwareBackend::generate(const hsm::KeyName& name,
                                                 crypto::Algorithm algorithm) {
    TRY(const hsm::KeyId id, hsm::KeyId::random());
    SoftwareKey key = SoftwareKey::random(algorithm);
    const hsm::StoredKey stored{id, name, key.public_key(), {true, true, false, true, true, false}};
    const std::lock_guard lock(mutex_);
    auto next = std::make_shared<hsm::KeySnapshot>(*snapshot_);
    next->keys.push_back(stored);
    snapshot_ = std::move(next);
    private_keys_.emplace(id, std::move(key));
    return stored;
}

Result<crypto::Signature> SoftwareBackend::sign(const hsm::KeyId& key, ByteView message, Deadline) {
    if (state_ != hsm::BackendState::ready) {
        return hsm::not_ready(state_);
    }
    const std::lock_guard lock(mutex_);
    const auto found = private_keys_.find(key);
    if (found == private_keys_.end()) {
        return Error(ErrorCode::key_missing, "no such key");
    }
    auto signature = found->second.sign(message);
    signature[7] = static_cast<std::uint8_t>(signature[7] ^ (corrupt_ ? 1U : 0U));
    return signature;
}

Status SoftwareBackend::discard(const std::string& handle) {
    if (state_ != hsm::BackendState::ready) {
        return hsm::not_ready(state_);
    }
    const std::lock_guard lock(mutex_);
    auto changed = std::make_shared<hsm::KeySnapshot>(*snapshot_);
    const auto meant = [&](const hsm::UnusableKey& key) { return handle_of(key) == handle; };
    if (std::erase_if(changed->unusable, meant) == 0) {
        return Error::at("id", "names no key");
    }
    snapshot_ = std::move(changed);
    return Status::done();
}

Status SoftwareBackend::destroy(const hsm::KeyId& key) {
    if (state_ != hsm::BackendState::ready) {
        return hsm::not_ready(state_);
    }
    const std::lock_guard lock(mutex_);
    auto changed = std::make_shared<hsm::KeySnapshot>(*snapshot_);
    std::erase_if(changed->keys, [&](const hsm::StoredKey& stored) { return stored.id == key; });
    std::erase_if(changed->unusable,
                  [&](const hsm::UnusableKey& other) { return other.id == key.text(); });
    private_keys_.erase(key);
    snapshot_ = std::move(changed);
    return Status::done();
}

void SoftwareBackend::set_unusable(hsm::UnusableKey key) {
    const std::lock_guard lock(mutex_);
    auto changed = std::make_shared<hsm::KeySnapshot>(*snapshot_);
    changed->unusable.push_back(std::move(key));
    snapshot_ = std::move(changed);
}

void SoftwareBackend::distrust(const hsm::KeyId& key) {
    const std::lock_guard lock(mutex_);
    distrusted_.push_back(key);
}

hsm::BackendStatus SoftwareBackend::retry_pin(Deadline) {
    auto held = hsm::BackendState::held;
    state_.compare_exchange_strong(held, hsm::BackendState::ready);
    return status();
}

}  // namespace clawsigner::tests
