#include "service/gated_act.h"

#include "claw/json_reader.h"
#include "claw/json_writer.h"

#include <algorithm>
#include <array>
#include <utility>

namespace clawsigner::service {
namespace {

constexpr std::array<std::pair<GatedAct, std::string_view>, 13> kActs{{
    {GatedAct::destroy, "keys.destroy"},
    {GatedAct::unfreeze, "keys.unfreeze"},
    {GatedAct::recover, "keys.recover"},
    {GatedAct::set_operators, "operators.set"},
    {GatedAct::raise_ceiling, "ceiling.raise"},
    {GatedAct::set_roles, "roles.set"},
    {GatedAct::adopt, "keys.adopt"},
    {GatedAct::prune, "log.prune"},
    {GatedAct::set_mapping, "mappings.set"},
    {GatedAct::set_oidc, "oidc.set"},
    {GatedAct::set_trust, "trust.set"},
    {GatedAct::activate_policy, "policies.activate"},
    {GatedAct::approve_pcrs, "tpm.approve_pcrs"},
}};

}  // namespace

std::optional<GatedAct> gated_act_of(std::string_view name) {
    const auto* found = std::ranges::find(kActs, name, &decltype(kActs)::value_type::second);
    return found == kActs.end() ? std::nullopt : std::optional(found->first);
}

std::string_view gated_act_name(GatedAct act) noexcept {
    return std::ranges::find(kActs, act, &decltype(kActs)::value_type::first)->second;
}

std::string family_arguments(crypto::Family family) {
    return claw::JsonWriter().text("family", crypto::family_name(family)).done();
}

std::string key_arguments(const hsm::KeyName& key) {
    return claw::JsonWriter()
        .text("family", crypto::family_name(key.family))
        .integer("version", key.version)
        .done();
}

std::string rotation_arguments(crypto::Family family, const RotationPlan& plan) {
    return claw::JsonWriter()
        .text("family", crypto::family_name(family))
        .integer("overlap_seconds", plan.overlap.value_or(RotationPlan::kUsualOverlap).count())
        .done();
}

Result<KeyArguments> parse_key_arguments(const std::string& text, GatedAct act) {
    TRY(const claw::JsonValue document, claw::parse_json(text, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    KeyArguments arguments;
    arguments.key.family = claw::read_family(in);
    if (act == GatedAct::destroy) {
        arguments.key.version =
            static_cast<std::uint32_t>(in.integer("version", 1, crypto::kMaxKeyVersion));
    }
    if (act == GatedAct::recover) {
        arguments.plan.now = true;
        arguments.plan.overlap =
            std::chrono::seconds(in.integer("overlap_seconds", 0, claw::kMaxOverlapSeconds));
    }
    CHECK_OK(in.finish());
    return arguments;
}

}  // namespace clawsigner::service
