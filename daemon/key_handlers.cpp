#include "claw/json_reader.h"
#include "daemon/answers.h"
#include "daemon/handlers.h"
#include "service/adoption.h"
#include "service/approvals.h"
#include "service/keys.h"

namespace clawsigner::daemon {
namespace {

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxWhy = 1024;
constexpr std::int64_t kMaxLeaf = (1LL << 53) - 1;

service::Doing read_doing(const Call& call, claw::JsonReader& in) {
    return {call.caller, in.optional_text("why", kMaxWhy), std::nullopt, {}};
}

hsm::KeyName read_key(claw::JsonReader& in) {
    const auto family = claw::read_family(in);
    return {family, static_cast<std::uint32_t>(in.integer("version", 1, crypto::kMaxKeyVersion))};
}

std::optional<std::chrono::seconds> read_span(claw::JsonReader& in, std::string_view name) {
    return in.has(name)
               ? std::optional(std::chrono::seconds(in.integer(name, 0, claw::kMaxOverlapSeconds)))
               : std::nullopt;
}

Answer answer(unsigned status, const Result<service::KeyView>& key) {
    return key.ok() ? key_answer(status, *key) : error_answer(key.error());
}

Result<service::KeyView> created(const Call& call) {
    TRY(const claw::JsonValue document, claw::parse_json(call.body, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    const auto family = claw::read_family(in);
    const auto doing = read_doing(call, in);
    std::optional<crypto::Algorithm> algorithm;
    if (const auto name = in.optional_text("algorithm", kMaxName)) {
        algorithm = crypto::algorithm_from_name(*name);
        if (!algorithm) {
            in.refuse("algorithm", "must be ed25519 or p256");
        }
    }
    CHECK_OK(in.finish());
    return service::create_key(call.appliance, doing, family, algorithm);
}

struct RotationAsked {
    crypto::Family family{};
    service::Doing doing;
    service::RotationPlan plan;
};

Result<RotationAsked> rotation_asked(const Call& call) {
    TRY(const claw::JsonValue document, claw::parse_json(call.body, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    const auto family = claw::read_family(in);
    const auto doing = read_doing(call, in);
    service::RotationPlan plan;
    plan.now = in.has("now") && in.boolean("now");
    const auto activate_in = read_span(in, "activate_in_seconds");
    plan.activate_in = activate_in.value_or(plan.activate_in);
    plan.overlap = read_span(in, "overlap_seconds");
    if (plan.now && activate_in) {
        in.refuse("activate_in_seconds", "must not be given together with now");
    }
    CHECK_OK(in.finish());
    return RotationAsked{family, doing, plan};
}

/// What is asked of a whole family.
struct FamilyAsked {
    crypto::Family family{};
    service::Doing doing;
};

Result<FamilyAsked> family_asked(const Call& call) {
    TRY(const claw::JsonValue document, claw::parse_json(call.body, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    FamilyAsked asked;
    asked.family = claw::read_family(in);
    asked.doing = read_doing(call, in);
    CHECK_OK(in.finish());
    return asked;
}

/// What is asked of one key.
struct KeyAsked {
    hsm::KeyName key;
    service::Doing doing;
};

Result<KeyAsked> key_asked(const Call& call) {
    TRY(const claw::JsonValue document, claw::parse_json(call.body, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    KeyAsked asked;
    asked.key = read_key(in);
    asked.doing = read_doing(call, in);
    CHECK_OK(in.finish());
    return asked;
}

Result<service::FamilyView> frozen(const Call& call) {
    TRY(const FamilyAsked asked, family_asked(call));
    CHECK_OK(call.appliance.lifecycle->freeze(asked.doing, asked.family));
    return service::view_of(call.appliance, asked.family);
}

Result<service::KeyView> retired(const Call& call) {
    TRY(const KeyAsked asked, key_asked(call));
    TRY(const auto record, call.appliance.lifecycle->retire(asked.doing, asked.key));
    return service::view_of(call.appliance, record);
}

Result<policy::ActRequest> unfreezing(const Call& call) {
    TRY(const FamilyAsked asked, family_asked(call));
    return call.appliance.approvals->file(call.caller, service::GatedAct::unfreeze,
                                          service::family_arguments(asked.family),
                                          asked.doing.why.value_or(""));
}

Result<policy::ActRequest> destroying(const Call& call) {
    TRY(const KeyAsked asked, key_asked(call));
    return call.appliance.approvals->file(call.caller, service::GatedAct::destroy,
                                          service::key_arguments(asked.key),
                                          asked.doing.why.value_or(""));
}

Result<policy::ActRequest> adoption_filed(const Call& call) {
    TRY(const claw::JsonValue document, claw::parse_json(call.body, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    const auto family = claw::read_family(in);
    const auto doing = read_doing(call, in);
    service::AdoptionAsked asked{family, {}};
    service::Adoption& adoption = asked.adoption;
    adoption.rotation_id = in.text("rotation_id", kMaxWhy);
    adoption.old_did = in.text("old_did", kMaxWhy);
    adoption.issued_at = in.text("issued_at", kMaxName);
    adoption.reason = in.text("reason", kMaxWhy);
    adoption.old_signature = in.b64u("signature_old_b64u", 86, 86);
    adoption.overlap = read_span(in, "overlap_seconds").value_or(adoption.overlap);
    CHECK_OK(in.finish());
    return call.appliance.approvals->file(call.caller, service::GatedAct::adopt,
                                          service::adoption_arguments(asked),
                                          doing.why.value_or(""));
}

Result<service::KeyView> compromised(const Call& call) {
    TRY(const claw::JsonValue document, claw::parse_json(call.body, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    const hsm::KeyName key = read_key(in);
    const auto doing = read_doing(call, in);
    const auto since = in.optional_time("since");
    std::optional<std::uint64_t> leaf;
    if (in.has("leaf")) {
        leaf = static_cast<std::uint64_t>(in.integer("leaf", 0, kMaxLeaf));
    }
    CHECK_OK(in.finish());
    TRY(const auto record, call.appliance.lifecycle->compromise(doing, key, since, leaf));
    return service::view_of(call.appliance, record);
}

}  // namespace

Answer list_keys(const Call& call) {
    const auto list = service::list_keys(call.appliance);
    return list.ok() ? key_list_answer(*list) : error_answer(list.error());
}

Answer create_key(const Call& call) {
    return answer(201, created(call));
}

/// A family whose last key is compromised gets its next one from the operators.
Answer rotate_key(const Call& call) {
    const auto asked = rotation_asked(call);
    if (!asked.ok()) {
        return error_answer(asked.error());
    }
    if (!call.appliance.lifecycle->needs_recovery(asked->family)) {
        return answer(
            201, service::rotate_key(call.appliance, asked->doing, asked->family, asked->plan));
    }
    return filed_answer(call.appliance.approvals->file(
        call.caller, service::GatedAct::recover,
        service::rotation_arguments(asked->family, asked->plan), asked->doing.why.value_or("")));
}

Answer freeze_family(const Call& call) {
    const auto family = frozen(call);
    return family.ok() ? family_answer(*family) : error_answer(family.error());
}

Answer unfreeze_family(const Call& call) {
    return filed_answer(unfreezing(call));
}

Answer retire_key(const Call& call) {
    return answer(200, retired(call));
}

Answer destroy_key(const Call& call) {
    return filed_answer(destroying(call));
}

Answer compromise_key(const Call& call) {
    return answer(200, compromised(call));
}

Answer adopt_key(const Call& call) {
    return filed_answer(adoption_filed(call));
}

}  // namespace clawsigner::daemon
