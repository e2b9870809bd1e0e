#include "service/keys.h"

#include <algorithm>
#include <iterator>

namespace clawsigner::service {
namespace {

bool signs_now(const Appliance& appliance, const hsm::StoredKey& key) {
    const auto active = appliance.keyring->active(key.name.family);
    return active.ok() && (*active)->stored().id == key.id;
}

/// What a store lists as unusable under this name.
std::vector<UnusableKeyView> unusable_in(const NamedBackend& named, const std::string& handle) {
    std::vector<UnusableKeyView> found;
    for (const hsm::UnusableKey& key : named.backend->keys()->unusable) {
        if (hsm::handle_of(key) == handle) {
            found.push_back({named.name, key});
        }
    }
    return found;
}

bool is_usable(const Appliance& appliance, const std::string& handle) {
    return std::ranges::any_of(appliance.backends, [&](const NamedBackend& named) {
        const auto snapshot = named.backend->keys();
        return std::ranges::any_of(
            snapshot->keys, [&](const hsm::StoredKey& key) { return key.id.text() == handle; });
    });
}

/// The caller is an admin, whose thread has the time to wait.
Status record_event(const Appliance& appliance, claw::KeyLeaf event) {
    TRY(const auto outcomes,
        ledger::record(*appliance.ledger, {{{{std::move(event), std::nullopt}}}},
                       base::deadline_in(appliance.limits.ledger)));
    return outcomes.front().ok() ? Status::done() : Status(outcomes.front().error());
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

Result<KeyView> create_key(const Appliance& appliance, const claw::LeafCaller& caller,
                           crypto::Family family, std::optional<crypto::Algorithm> algorithm) {
    CHECK_OK(appliance.ledger->ready());
    TRY(const auto home, appliance.keyring->home(family));
    TRY(hsm::StoredKey key, appliance.keyring->create(family, algorithm.value_or(home.algorithm)));
    appliance.prober->wake();
    const auto identity = crypto::identity_of(key.public_key);
    CHECK_OK(
        record_event(appliance, {"created", key.id.text(), std::string(crypto::family_name(family)),
                                 identity.kid, caller}));
    return KeyView{appliance.backend_name(family), std::move(key), identity, true};
}

Result<std::vector<UnusableKeyView>> discard_key(const Appliance& appliance,
                                                 const claw::LeafCaller& caller,
                                                 const std::string& handle) {
    CHECK_OK(appliance.ledger->ready());
    if (is_usable(appliance, handle)) {
        return Error(ErrorCode::key_in_use,
                     "the key can sign; only what cannot be used is discarded");
    }
    std::vector<UnusableKeyView> discarded;
    for (const NamedBackend& named : appliance.backends) {
        auto found = unusable_in(named, handle);
        if (found.empty()) {
            continue;
        }
        CHECK_OK(named.backend->discard(handle));
        std::ranges::move(found, std::back_inserter(discarded));
    }
    if (discarded.empty()) {
        return Error::at("id", "names no unusable key; clawsigner keys list shows them");
    }
    appliance.prober->wake();
    CHECK_OK(record_event(appliance, {"discarded", handle, std::nullopt, std::nullopt, caller}));
    return discarded;
}

}  // namespace clawsigner::service
