#pragma once

#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace clawsigner::policy {

inline constexpr std::size_t kMaxTrusted = 64;

/// Whom and what the appliance believes when it issues tokens and judges calls. One made by default
/// believes nobody.
struct TrustSettings {
    /// May an issuer have tokens by {"claims"}, having authenticated the user itself?
    bool claims_mode = false;
    /// May a mapping's entry issue without a pin, subjects or audiences? For development.
    bool allow_unpinned = false;
    /// The audiences a token must have one of to be judged on proxy.sock, and those that an entry
    /// without audiences may issue for.
    std::vector<std::string> audiences;
    /// The did:keys whose Work Policy Contracts are accepted, when signed elsewhere.
    std::vector<std::string> wpc_signers;

    friend bool operator==(const TrustSettings&, const TrustSettings&) = default;
};

/// Canonical JSON (RFC 8785): {"allow_unpinned":…,"audiences":[…],"claims_mode":…,"v":1,
/// "wpc_signers":[…]}.
std::string trust_settings_text(const TrustSettings& settings);
/// Accepts exactly what trust_settings_text gives: lists of at most kMaxTrusted, none twice;
/// audiences of 1 to 256 printable ASCII characters without space and comma; signers that are
/// did:keys. Errors: malformed_json, invalid_field.
Result<TrustSettings> parse_trust_settings(std::string_view text);

/// `current` with one setting changed, as `trust set KEY VALUE` says it: claims_mode and
/// allow_unpinned take "true" or "false"; audiences and wpc_signers a list with commas, "" for
/// none. Error: invalid_field, at the key.
Result<TrustSettings> with_setting(TrustSettings current, std::string_view key,
                                   std::string_view value);

/// Does `next` believe nobody and nothing that `current` does not?
bool is_no_wider(const TrustSettings& next, const TrustSettings& current);

}  // namespace clawsigner::policy
