#include "service/keys.h"

#include <algorithm>
#include <iterator>

namespace clawsigner::service {
namespace {

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

/// Does the state name a key by this id that is not destroyed?
bool is_named(const Appliance& appliance, const std::string& handle) {
    const auto families = appliance.lifecycle->families();
    return std::ranges::any_of(*families, [&](const auto& family) {
        return std::ranges::any_of(family.second.versions, [&](const claw::KeyRecord& record) {
            return record.id == handle && record.state != claw::KeyState::destroyed &&
                   !record.proof;
        });
    });
}

/// The caller is an admin, whose thread has the time to wait.
Status record_event(const Appliance& appliance, claw::KeyLeaf event) {
    TRY(const auto outcomes,
        ledger::record(*appliance.ledger, {{{{std::move(event), std::nullopt}}}},
                       base::deadline_in(appliance.limits.ledger)));
    return outcomes.front().status();
}

}  // namespace

KeyView view_of(const Appliance& appliance, const claw::KeyRecord& record) {
    KeyView view{record,      crypto::identity_of(record.public_key), "", std::nullopt, false,
                 std::nullopt};
    const auto active = appliance.keyring->active(record.family);
    view.signing = active.ok() && (*active)->stored().id.text() == record.id;
    if (record.id) {
        view.backend = appliance.backend_name(record.family);
    }
    const auto home = appliance.keyring->home(record.family);
    if (home.ok() && record.id) {
        const auto snapshot = home->backend->keys();
        for (const hsm::StoredKey& key : snapshot->keys) {
            if (key.id.text() == *record.id) {
                view.attributes = key.attributes;
            }
        }
    }
    for (const KeyFinding& finding : appliance.lifecycle->findings()) {
        if (finding.key == hsm::KeyName{record.family, record.version}) {
            view.fault = finding.why;
        }
    }
    return view;
}

FamilyView view_of(const Appliance& appliance, crypto::Family family) {
    return {family, appliance.lifecycle->families()->at(family).frozen};
}

Result<KeyList> list_keys(const Appliance& appliance) {
    KeyList list;
    for (const NamedBackend& named : appliance.backends) {
        if (const auto status = named.backend->status();
            status.state != hsm::BackendState::ready && status.device.empty()) {
            Error error = hsm::not_ready(status.state);
            error.message = "the keys of " + named.name + " are not known: " + error.message;
            return error;
        }
    }
    const auto families = appliance.lifecycle->families();
    for (const crypto::Family family : appliance.families) {
        list.families.push_back({family, families->at(family).frozen});
        for (const claw::KeyRecord& record : families->at(family).versions) {
            list.keys.push_back(view_of(appliance, record));
        }
    }
    const auto name_of = [](const KeyView& view) {
        return hsm::KeyName{view.record.family, view.record.version};
    };
    std::ranges::sort(list.keys, {}, name_of);
    for (const NamedBackend& named : appliance.backends) {
        const auto snapshot = named.backend->keys();
        for (const hsm::UnusableKey& key : snapshot->unusable) {
            list.unusable.push_back({named.name, key});
        }
        for (const hsm::StoredKey& key : snapshot->keys) {
            const auto named_so = [&](const KeyView& view) {
                return view.record.id == key.id.text();
            };
            if (std::ranges::none_of(list.keys, named_so)) {
                list.unusable.push_back(
                    {named.name,
                     {key.id.text(), key_label(key.name),
                      Error(ErrorCode::key_missing,
                            "the state knows nothing of it, and it never signs")}});
            }
        }
    }
    return list;
}

Result<KeyView> create_key(const Appliance& appliance, const Doing& doing, crypto::Family family,
                           std::optional<crypto::Algorithm> algorithm) {
    TRY(const auto home, appliance.keyring->home(family));
    TRY(const auto record,
        appliance.lifecycle->create(doing, family, algorithm.value_or(home.algorithm)));
    appliance.prober->wake();
    return view_of(appliance, record);
}

Result<KeyView> rotate_key(const Appliance& appliance, const Doing& doing, crypto::Family family,
                           const RotationPlan& plan) {
    TRY(const auto record, appliance.lifecycle->rotate(doing, family, plan));
    appliance.prober->wake();
    return view_of(appliance, record);
}

Result<std::vector<UnusableKeyView>> discard_key(const Appliance& appliance,
                                                 const claw::LeafCaller& caller,
                                                 const std::string& handle) {
    CHECK_OK(appliance.ledger->ready());
    if (is_usable(appliance, handle)) {
        return Error(ErrorCode::key_in_use,
                     "the key can sign; only what cannot be used is discarded");
    }
    if (is_named(appliance, handle)) {
        return Error(ErrorCode::key_in_use,
                     "it is what is left of a key that the state names: mend it with the token's "
                     "tools, or retire it and let operators destroy it");
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
