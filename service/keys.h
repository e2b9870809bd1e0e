#pragma once

#include "base/result.h"
#include "service/appliance.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::service {

/// A key as an admin sees it.
struct KeyView {
    std::string backend;
    hsm::StoredKey key;
    crypto::KeyIdentity identity;
    bool signing = false;  // it is the one its family signs with
};

struct UnusableKeyView {
    std::string backend;
    hsm::UnusableKey key;
};

struct KeyList {
    std::vector<KeyView> keys;
    std::vector<UnusableKeyView> unusable;
};

/// Every key of ours in every store, in the order of family and version. A store that is down shows
/// the keys it had. Errors: hsm_down, pin_held, while one was never seen.
Result<KeyList> list_keys(const Appliance& appliance);

/// Makes a family's first key in its store, with the configured algorithm unless one is asked for.
/// Errors: key_exists, key_missing (no store for the family), as Backend::generate; ledger_blocked,
/// ledger_damaged.
Result<KeyView> create_key(const Appliance& appliance, const claw::LeafCaller& caller,
                           crypto::Family family, std::optional<crypto::Algorithm> algorithm);

/// Destroys, in every store, what must not sign and is named so: by its id, or by its label where
/// it has no id. Returns what it was. Errors: invalid_field, when nothing is named so; key_in_use,
/// when it is a usable key; as Backend::discard; ledger_blocked, ledger_damaged.
Result<std::vector<UnusableKeyView>> discard_key(const Appliance& appliance,
                                                 const claw::LeafCaller& caller,
                                                 const std::string& handle);

}  // namespace clawsigner::service
