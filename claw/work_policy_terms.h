#pragma once

#include "claw/change_window.h"
#include "claw/json_reader.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a Work Policy Contract says. The limits are those of the ecosystem's registry and proxy.
namespace clawsigner::claw {

inline constexpr std::size_t kMaxWorkPolicyBytes = 65'536;

/// How well it is known which model answered, weakest first.
enum class ModelIdentityTier : std::uint8_t {
    closed_opaque,
    closed_provider_manifest,
    openweights_hashable,
    tee_measured,
};
/// "closed_opaque", … Static storage.
std::string_view tier_name(ModelIdentityTier tier) noexcept;
std::optional<ModelIdentityTier> tier_from_name(std::string_view name) noexcept;

/// May prompts be kept in a form that can be recovered? hash_only: never. encrypted: they may.
enum class ReceiptPrivacyMode : std::uint8_t { hash_only, encrypted };

/// 1 to 128 printable ASCII characters without space, comma, quote, backslash and '*': the name of
/// a tool or a model, as a tool_allowlist, a scope and a mapping have it.
bool is_plain_name(std::string_view name) noexcept;
/// Completes "<field> …" for a name that is not plain.
inline constexpr std::string_view kPlainNameRule =
    "must have from 1 to 128 printable ASCII characters without space, comma, quote, backslash "
    "and '*'";

struct RedactionRule {
    std::string path;
    std::string action;  // "remove" | "hash" | "mask"
};

/// What a contract says. A list that is absent limits nothing, an empty one allows nothing
/// (clawproxy reads an empty list as no limit; here it is the stricter of the two).
struct WorkPolicyTerms {
    std::string policy_id;
    std::string issuer_did;
    std::optional<std::vector<std::string>> allowed_providers;  // "openai", "anthropic", "google"
    std::optional<std::vector<std::string>> allowed_models;     // patterns: policy/patterns.h
    std::optional<std::vector<std::string>> egress_allowlist;   // host patterns: policy/patterns.h
    std::optional<ModelIdentityTier> minimum_model_identity_tier;
    std::optional<ReceiptPrivacyMode> receipt_privacy_mode;
    std::vector<RedactionRule> redaction_rules;
    std::vector<std::string> required_audit_packs;
    // Of `metadata`, where the ecosystem's closed schema leaves room for them:
    std::optional<std::string> version;                      // metadata.version
    std::optional<std::vector<std::string>> tool_allowlist;  // metadata.tool_allowlist
    std::optional<ChangeWindow> change_window;               // metadata.change_window_utc
    bool write_requires_approval = false;                    // metadata.write_requires_approval
    bool demands_runtime = false;                            // metadata.runtime is there
};

/// The rule for whatever has not the form of a contract.
inline constexpr std::string_view kWorkPolicyForm = "wpc.form";
/// The longest DID of an issuer or a signer, in bytes.
inline constexpr std::size_t kMaxWorkPolicyDid = 256;

/// Reads every member of a contract's payload from a reader under kWorkPolicyForm. What is wrong is
/// the reader's to tell when it finishes.
WorkPolicyTerms read_work_policy_terms(JsonReader& in);

}  // namespace clawsigner::claw
