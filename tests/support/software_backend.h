#pragma once

#include "hsm/backend.h"
#include "support/software_key.h"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace clawsigner::tests {

/// A key store in memory, for tests of what stands above a store and of faults a real one cannot be
/// made to show.
class SoftwareBackend final : public hsm::Backend {
public:
    hsm::BackendStatus status() const override;
    std::shared_ptr<const hsm::KeySnapshot> keys() const override;
    Result<hsm::StoredKey> generate(const hsm::KeyName& name, crypto::Algorithm algorithm) override;
    Status discard(const std::string& handle) override;
    Status destroy(const hsm::KeyId& key) override;
    Result<crypto::Signature> sign(const hsm::KeyId& key, ByteView message,
                                   Deadline deadline) override;
    void distrust(const hsm::KeyId& key) override;
    /// What held it is gone, unless it is set again.
    hsm::BackendStatus retry_pin(Deadline deadline) override;

    void set_state(hsm::BackendState state) { state_ = state; }
    /// From now on every signature has one bit wrong.
    void corrupt_signatures(bool corrupt) { corrupt_ = corrupt; }
    /// From now on the store also holds this key, which it will not sign with.
    void set_unusable(hsm::UnusableKey key);
    const std::vector<hsm::KeyId>& distrusted() const { return distrusted_; }

private:
    std::atomic<hsm::BackendState> state_{hsm::BackendState::ready};
    std::atomic<bool> corrupt_{false};
    mutable std::mutex mutex_;
    std::shared_ptr<const hsm::KeySnapshot> snapshot_ = std::make_shared<hsm::KeySnapshot>();
    std::map<hsm::KeyId, SoftwareKey> private_keys_;
    std::vector<hsm::KeyId> distrusted_;
};

}  // namespace clawsigner::tests
