#pragma once

#include "base/result.h"
#include "crypto/family.h"
#include "hsm/key.h"
#include "service/lifecycle.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clawsigner::service {

/// What cannot be undone or widens power, and waits for operators.
enum class GatedAct : std::uint8_t {
    destroy,
    unfreeze,
    recover,
    set_operators,
    raise_ceiling,
    set_roles,
    adopt,
    prune,
    set_mapping,
    set_oidc,
    set_trust,
    activate_policy,
    approve_pcrs
};

/// "keys.destroy", "operators.set", … Static storage.
std::string_view gated_act_name(GatedAct act) noexcept;
/// Nothing, when no act of this version has this name.
std::optional<GatedAct> gated_act_of(std::string_view name);

/// The arguments of an act, as canonical JSON.
std::string family_arguments(crypto::Family family);
std::string key_arguments(const hsm::KeyName& key);
std::string rotation_arguments(crypto::Family family, const RotationPlan& plan);

/// What the arguments of every act about keys say, as far as they say it.
struct KeyArguments {
    hsm::KeyName key;
    RotationPlan plan;
};
/// Errors: as claw::parse_json; invalid_field.
Result<KeyArguments> parse_key_arguments(const std::string& text, GatedAct act);

}  // namespace clawsigner::service
