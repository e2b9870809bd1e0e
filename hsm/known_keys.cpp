#include "hsm/known_keys.h"

#include <utility>

namespace clawsigner::hsm {

std::shared_ptr<const KeySnapshot> KnownKeys::snapshot() const {
    const std::lock_guard lock(mutex_);
    return keys_;
}

void KnownKeys::take(KeySnapshot found) {
    const std::lock_guard lock(mutex_);
    auto kept = std::make_shared<KeySnapshot>();
    kept->unusable = std::move(found.unusable);
    for (StoredKey& key : found.keys) {
        const auto [known, added] = first_seen_.emplace(key.name, key.public_key);
        if (added || known->second == key.public_key) {
            kept->keys.push_back(std::move(key));
        } else {
            kept->unusable.push_back(
                {key.id.text(), key_label(key.name),
                 Error(ErrorCode::key_quarantined, "its public key is not the one it had before")});
        }
    }
    keys_ = std::move(kept);
}

std::optional<Error> KnownKeys::doubt_of(
    const KeySnapshot& found, const std::function<bool(const Error&)>& failed_its_probe) const {
    const std::lock_guard lock(mutex_);
    for (const UnusableKey& key : found.unusable) {
        const auto name = parse_key_label(key.label);
        if (name && failed_its_probe(key.why) && first_seen_.contains(*name)) {
            return Error(ErrorCode::hsm_down, "key " + key.id + ": " + key.why.message);
        }
    }
    return std::nullopt;
}

void KnownKeys::forget(const KeySnapshot& before, const std::string& handle) {
    const std::lock_guard lock(mutex_);
    for (const UnusableKey& key : before.unusable) {
        const auto name = parse_key_label(key.label);
        if (name && handle_of(key) == handle) {
            first_seen_.erase(*name);
        }
    }
    for (const StoredKey& key : before.keys) {
        if (key.id.text() == handle) {
            first_seen_.erase(key.name);
        }
    }
}

}  // namespace clawsigner::hsm
