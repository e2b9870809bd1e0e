#include "service/keys.h"

#include <algorithm>

namespace clawsigner::service {
namespace {

bool signs_now(const Appliance& appliance, const hsm::StoredKey& key) {
    const auto active = appliance.keyring->active(key.name.family);
    return active.ok() && (*active)->stored().id == key.id;
}

}  // namespace

Result<KeyList> list_keys(const Appliance& appliance) {
    KeyList list;
    for (const NamedBackend& named : appliance.backends) {
        if (const auto status = named.backend->status();
            status.state != hsm::BackendState::ready && status.device.empty()) {
            Error error = hsm::not_ready(status.state);
            error.message = "the keys of " + named.name + " are not known: " + error.message;
            return error;
        }
        const auto snapshot = named.backend->keys();
        for (const hsm::StoredKey& key : snapshot->keys) {
            list.keys.push_back(
                {named.name, key, crypto::identity_of(key.public_key), signs_now(appliance, key)});
        }
        for (const hsm::UnusableKey& key : snapshot->unusable) {
            list.unusable.push_back({named.name, key});
        }
    }
    std::ranges::sort(list.keys, {}, [](const KeyView& view) { return view.key.name; });
    return list;
}

Result<KeyView> create_key(const Appliance& appliance, crypto::Family family,
                           std::optional<crypto::Algorithm> algorithm) {
    TRY(const auto home, appliance.keyring->home(family));
    TRY(hsm::StoredKey key, appliance.keyring->create(family, algorithm.value_or(home.algorithm)));
    appliance.prober->wake();
    const auto identity = crypto::identity_of(key.public_key);
    return KeyView{appliance.backend_name(family), std::move(key), identity, true};
}

}  // namespace clawsigner::service
