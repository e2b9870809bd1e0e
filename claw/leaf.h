#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "crypto/digest.h"
#include "crypto/family.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// What the appliance's log says: one leaf per artefact, key event, refusal, start and stop, as
/// canonical JSON (RFC 8785) with a version. Digests and ids only: no secret, no prompt, no body.
/// Digests are the 43 characters of base64url that SHA-256 has.
namespace clawsigner::claw {

inline constexpr std::size_t kMaxLeafBytes = 65'535;  // C2SP tlog-tiles: a 16-bit length

/// On whose word something was done: the socket's role and the uid the kernel gave.
struct LeafCaller {
    std::string role;
    std::uint32_t uid = 0;
    friend bool operator==(const LeafCaller&, const LeafCaller&) = default;
};

/// On whose word a token was issued, and by which groups of the identity provider.
struct UserGrounds {
    std::string id_token_sha256;
    std::string issuer;
    std::string subject_sha256;       // of the canonical JSON [issuer,subject]
    std::vector<std::string> groups;  // those that contributed, at most kMaxGroundsBytes in all
    std::string mapping_sha256;
    friend bool operator==(const UserGrounds&, const UserGrounds&) = default;
};
inline constexpr std::size_t kMaxGroundsBytes = 16'384;

/// Something was signed and may have been handed out.
struct ArtefactLeaf {
    crypto::Family family{};
    std::string artefact;  // "gateway_receipt", "gateway_receipt_v1.0", "cst"
    std::string id;        // receipt_id or jti
    std::string kid;
    std::string signed_sha256;  // of the exact bytes that were signed
    std::string answer_sha256;  // of the text that was handed out: envelope, receipt or token
    std::string rule;           // that allowed it
    std::optional<LeafCaller> caller;
    std::optional<std::string> policy_hash;
    std::optional<std::string> run_id;
    /// With a receipt that has a nonce: nonce_key(…), and the digest of the members as sent.
    std::optional<std::string> nonce_sha256;
    std::optional<std::string> request_sha256;
    /// With a token for a user who logged in; nonce_sha256 is then what counts the ID token's use.
    std::optional<UserGrounds> grounds = std::nullopt;
    /// With a narrowed token: the answer_sha256 of the one it was narrowed from.
    std::optional<std::string> parent_sha256 = std::nullopt;
    /// With a receipt: the answer_sha256 of the token the call was made under, and the digest of
    /// the decision_id that allowed it.
    std::optional<std::string> cst_sha256 = std::nullopt;
    std::optional<std::string> decision_sha256 = std::nullopt;
    /// The token had ended when the receipt of its call was signed.
    bool after_expiry = false;
};

/// What could not be used was thrown out of a store.
struct KeyLeaf {
    std::string event;  // "discarded"
    std::string id;     // in its store; may be a label where there is no id
    std::optional<std::string> family;
    std::optional<std::string> kid;
    std::optional<LeafCaller> caller;
};

/// Something was asked for and refused; or so many more were since the last one told apart.
struct RefusalLeaf {
    std::string operation;  // "POST /v1/receipts"
    std::string code;       // the error's
    std::optional<std::string> rule;
    std::optional<std::string> request_sha256;  // of the body; none in a summary
    std::optional<LeafCaller> caller;
    std::int64_t count = 1;  // above 1: a summary of refusals that were not told apart
};

struct StartLeaf {
    std::string version;
};
struct StopLeaf {};

/// A value the log's own reading depends on ("origin", "log_key"). It is set once. Its name has no
/// '/' in it.
struct SettingLeaf {
    std::string name;
    std::string value;
};

/// What was done to the appliance itself, and what its state says from here on: a key was made,
/// activated, frozen; an operator came or went. One leaf is one step: all of it stands or nothing.
struct ActLeaf {
    std::string act;                   // "keys.rotate"
    std::string subject;               // what it was done to: "gateway_receipt/2"
    std::optional<LeafCaller> caller;  // none: the clock or the appliance's own tidying
    std::optional<std::string> why;
    std::optional<std::string> request;  // the approved one this carries out
    /// Rows of the state, by name; each name has a '/' in it. Nothing: the row goes.
    std::map<std::string, std::optional<std::string>> set;
};

/// The digest of the key manifest that is published from here on.
struct ManifestLeaf {
    UnixMillis as_of;
    std::string sha256;
};

/// The digests of the state that the leaves before this one make (LogState::digests).
struct StateLeaf {
    std::string setting_sha256;
    std::string spent_sha256;
    friend bool operator==(const StateLeaf&, const StateLeaf&) = default;
};

using LeafContent = std::variant<ArtefactLeaf, KeyLeaf, RefusalLeaf, StartLeaf, StopLeaf,
                                 SettingLeaf, StateLeaf, ActLeaf, ManifestLeaf>;

struct Leaf {
    UnixMillis time;
    LeafContent content;
};

/// The leaf's bytes. What callers chose and is too long for a leaf was bounded at the door.
std::string leaf_text(const Leaf& leaf);

/// Accepts exactly what leaf_text gives. Errors: malformed_json, invalid_field.
Result<Leaf> parse_leaf(std::string_view text);

/// What names a nonce: SHA-256 of the JSON array [gateway, run_id or null, nonce].
crypto::Sha256 nonce_key(std::string_view gateway, const std::optional<std::string>& run_id,
                         std::string_view nonce);

}  // namespace clawsigner::claw
