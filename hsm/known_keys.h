#pragma once

#include "hsm/backend.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace clawsigner::hsm {

/// The keys a store answers with, held against those it had before: a store that is opened again
/// may be another one, or lie. Thread-safe.
class KnownKeys {
public:
    /// Never null.
    std::shared_ptr<const KeySnapshot> snapshot() const;

    /// Makes the keys the store holds now the ones it answers with. One whose public half is not
    /// what its name had before is unusable.
    void take(KeySnapshot found);

    /// What keeps a store shut: a key that has signed here before and is now unusable for a reason
    /// that `failed_its_probe` tells, which is the device's trouble and not that key's. Nothing is
    /// signed with any of its keys until this one passes.
    std::optional<Error> doubt_of(const KeySnapshot& found,
                                  const std::function<bool(const Error&)>& failed_its_probe) const;

    /// A person gave up what `handle` (see handle_of) named among `before`: another key may have
    /// its name.
    void forget(const KeySnapshot& before, const std::string& handle);

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const KeySnapshot> keys_ = std::make_shared<KeySnapshot>();
    std::map<KeyName, crypto::PublicKey> first_seen_;
};

}  // namespace clawsigner::hsm
