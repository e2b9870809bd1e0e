#include "policy/contract.h"

#include "claw/json_reader.h"
#include "policy/patterns.h"
#include "policy/scope_mapping.h"

#include <algorithm>

namespace clawsigner::policy {
namespace {

using claw::ModelIdentityTier;
using claw::WorkPolicyTerms;
using Texts = std::vector<std::string>;

constexpr std::size_t kMaxText = 256;

bool has(const Texts& texts, std::string_view text) {
    return std::ranges::find(texts, text) != texts.end();
}

bool has_model(const Texts& patterns, std::string_view model) {
    return std::ranges::any_of(
        patterns, [&](std::string_view pattern) { return model_matches(pattern, model); });
}

bool has_host(const Texts& patterns, std::string_view host) {
    return std::ranges::any_of(
        patterns, [&](std::string_view pattern) { return host_covers(pattern, host); });
}

/// What the contract demands and nobody here can check, so that nothing is done under it.
Status is_checkable(const WorkPolicyTerms& terms, const std::string& field) {
    if (terms.write_requires_approval) {
        return Error::denied("wpc.approval", field,
                             "names a contract that demands approval of writes "
                             "(write_requires_approval), which cannot be checked yet");
    }
    if (terms.demands_runtime) {
        return Error::denied("wpc.runtime", field,
                             "names a contract that demands a posture of the runtime (runtime), "
                             "which cannot be checked yet");
    }
    return Status::done();
}

Status is_in_window(const WorkPolicyTerms& terms, std::int64_t now, const std::string& field) {
    if (terms.change_window && !terms.change_window->contains(now)) {
        return Error::denied("wpc.window", field,
                             "names a contract whose change_window_utc is not open");
    }
    return Status::done();
}

/// The rule that the contract would deny a scope by, or nothing where it allows it.
std::string_view denying_rule(const WorkPolicyTerms& terms, std::string_view scope) {
    const auto kind = scope_kind(scope);
    if (!kind) {
        return {};
    }
    const std::string_view name = scope.substr(scope_prefix(*kind).size());
    switch (*kind) {
        case ScopeKind::tool:
            return !terms.tool_allowlist || has(*terms.tool_allowlist, name) ? "" : "wpc.tool";
        case ScopeKind::model:
            return !terms.allowed_models || has_model(*terms.allowed_models, name) ? ""
                                                                                   : "wpc.model";
        case ScopeKind::egress:
            return !terms.egress_allowlist || has_host(*terms.egress_allowlist, name)
                       ? ""
                       : "wpc.egress";
    }
    return "wpc.tool";
}

Status allows_provider(const WorkPolicyTerms& terms, std::string_view provider) {
    if (terms.allowed_providers && !has(*terms.allowed_providers, provider)) {
        return Error::denied("wpc.provider", "provider", "is not among the allowed_providers");
    }
    return Status::done();
}

Status allows_model(const WorkPolicyTerms& terms, std::string_view model) {
    if (terms.allowed_models && !has_model(*terms.allowed_models, model)) {
        return Error::denied("wpc.model", "model", "matches none of the allowed_models");
    }
    return Status::done();
}

/// The tier that a receipt states of the very model it is about; nothing where it states none.
std::optional<ModelIdentityTier> stated_tier(const claw::ReceiptContent& receipt) {
    if (!receipt.metadata) {
        return std::nullopt;
    }
    const auto document = claw::parse_json(*receipt.metadata, claw::JsonRules::javascript);
    if (!document.ok()) {
        return std::nullopt;
    }
    claw::JsonReader metadata(*document, "metadata");
    const claw::JsonValue* identity = metadata.optional_object("model_identity");
    if (identity == nullptr) {
        return std::nullopt;
    }
    claw::JsonReader in(*identity, "metadata.model_identity");
    const std::string tier = in.text("tier", kMaxText);
    const claw::JsonValue* about = in.object("model");
    if (about == nullptr) {
        return std::nullopt;
    }
    claw::JsonReader model(*about, "metadata.model_identity.model");
    const bool is_this =
        model.text("provider", kMaxText) == receipt.provider &&
        model.text("name", kMaxText) == receipt.model.value_or(std::string(claw::kUnknownModel));
    return is_this ? claw::tier_from_name(tier) : std::nullopt;
}

Status states_tier(const WorkPolicyTerms& terms, const claw::ReceiptContent& receipt) {
    if (!terms.minimum_model_identity_tier) {
        return Status::done();
    }
    const auto stated = stated_tier(receipt);
    if (!stated || *stated < *terms.minimum_model_identity_tier) {
        return Error::denied("wpc.model_identity", "metadata.model_identity",
                             "does not state the contract's minimum_model_identity_tier");
    }
    return Status::done();
}

Status keeps_privacy(const WorkPolicyTerms& terms,
                     const std::optional<claw::LegacyContent>& legacy) {
    if (terms.receipt_privacy_mode != claw::ReceiptPrivacyMode::hash_only || !legacy) {
        return Status::done();
    }
    if (legacy->privacy_mode != "hash_only" || legacy->encrypted_request ||
        legacy->encrypted_response) {
        return Error::denied("wpc.privacy", "privacyMode",
                             "is not the contract's receipt_privacy_mode, hash_only");
    }
    return Status::done();
}

}  // namespace

bool contract_allows_scope(const claw::WorkPolicy& policy, std::string_view scope) {
    return denying_rule(policy.terms(), scope).empty();
}

Result<std::int64_t> within_contract(const claw::WorkPolicy& policy, const claw::TokenGrant& grant,
                                     std::int64_t now, std::int64_t exp, std::string_view path) {
    const WorkPolicyTerms& terms = policy.terms();
    const std::string pin = claw::member_path(path, "policy_hash_b64u");
    CHECK_OK(is_checkable(terms, pin));
    CHECK_OK(is_in_window(terms, now, pin));
    for (const std::string& scope : grant.scope) {
        if (const std::string_view rule = denying_rule(terms, scope); !rule.empty()) {
            return Error::denied(rule, claw::member_path(path, "scope"),
                                 "names a scope that the contract does not allow");
        }
    }
    const auto closes = terms.change_window ? terms.change_window->end_of_open(now) : std::nullopt;
    return closes ? std::min(exp, *closes) : exp;
}

Status call_within_contract(const claw::WorkPolicy& policy, const Call& call, std::int64_t now) {
    const WorkPolicyTerms& terms = policy.terms();
    CHECK_OK(is_checkable(terms, "cst"));
    CHECK_OK(is_in_window(terms, now, "cst"));
    CHECK_OK(allows_provider(terms, call.provider));
    CHECK_OK(allows_model(terms, call.model));
    if (terms.minimum_model_identity_tier > ModelIdentityTier::closed_opaque) {
        return Error::denied("wpc.model_identity", "model",
                             "is known as closed_opaque only, and the contract's "
                             "minimum_model_identity_tier is higher");
    }
    if (call.tool && terms.tool_allowlist && !has(*terms.tool_allowlist, *call.tool)) {
        return Error::denied("wpc.tool", "tool", "is not in the contract's tool_allowlist");
    }
    if (call.host && terms.egress_allowlist && !has_host(*terms.egress_allowlist, *call.host)) {
        return Error::denied("wpc.egress", "host", "is not in the contract's egress_allowlist");
    }
    return Status::done();
}

Status receipt_within_contract(const claw::WorkPolicy& policy, const claw::ReceiptContent& receipt,
                               const std::optional<claw::LegacyContent>& legacy) {
    const WorkPolicyTerms& terms = policy.terms();
    CHECK_OK(allows_provider(terms, receipt.provider));
    CHECK_OK(allows_model(terms, receipt.model.value_or(std::string(claw::kUnknownModel))));
    CHECK_OK(states_tier(terms, receipt));
    return keeps_privacy(terms, legacy);
}

}  // namespace clawsigner::policy
