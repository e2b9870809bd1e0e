#pragma once

#include "base/result.h"
#include "service/appliance.h"
#include "service/lifecycle.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::service {

/// A version of a family's key, as the state and its store say.
struct KeyView {
    claw::KeyRecord record;
    crypto::KeyIdentity identity;
    std::string backend;                           // empty for a key that was never held here
    std::optional<hsm::KeyAttributes> attributes;  // while its store shows it
    bool signing = false;
    std::optional<Error> fault;  // where state and store differ
};

struct FamilyView {
    crypto::Family family{};
    bool frozen = false;
};

struct UnusableKeyView {
    std::string backend;
    hsm::UnusableKey key;
};

/// In the order of family and version.
struct KeyList {
    std::vector<FamilyView> families;
    std::vector<KeyView> keys;
    /// Objects with our label that must not sign, also whole keys of which the state knows nothing.
    std::vector<UnusableKeyView> unusable;
};

/// A store that is down shows what it had. Errors: hsm_down, pin_held, while one was never seen.
Result<KeyList> list_keys(const Appliance& appliance);

KeyView view_of(const Appliance& appliance, const claw::KeyRecord& record);
FamilyView view_of(const Appliance& appliance, crypto::Family family);

/// As Lifecycle::create, with the configured algorithm unless one is asked for. Error also:
/// key_missing, when the family has no store.
Result<KeyView> create_key(const Appliance& appliance, const Doing& doing, crypto::Family family,
                           std::optional<crypto::Algorithm> algorithm);

/// As Lifecycle::rotate.
Result<KeyView> rotate_key(const Appliance& appliance, const Doing& doing, crypto::Family family,
                           const RotationPlan& plan);

/// Destroys, in every store, what must not sign and is named so: by its id, or by its label where
/// it has no id. Returns what it was. Errors: invalid_field, when nothing is named so; key_in_use,
/// when it is a usable key; as Backend::discard; ledger_blocked, ledger_damaged.
Result<std::vector<UnusableKeyView>> discard_key(const Appliance& appliance,
                                                 const claw::LeafCaller& caller,
                                                 const std::string& handle);

}  // namespace clawsigner::service
