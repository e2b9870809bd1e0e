#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "claw/json.h"
#include "claw/work_policy_terms.h"
#include "crypto/key_forms.h"
#include "crypto/signing_input.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The Work Policy Contract (WPC), version 1: what an organisation allows its agents, named by the
/// hash of its canonical JSON.
namespace clawsigner::claw {

/// One contract and the name it goes by. Immutable.
class WorkPolicy {
public:
    /// Reads the payload in whatever layout it comes. Closed: an unknown member and a null are
    /// refused, at any depth but in the free part of `metadata`. Of `metadata` four members and
    /// `version` are ours and typed: tool_allowlist (at most 256 is_plain_name), change_window_utc
    /// (a string as ChangeWindow::parse takes), write_requires_approval (a boolean), runtime (an
    /// object of strings), version (a string of ≤128 characters); all others are free. Errors:
    /// too_large; malformed_json; invalid_field, by rule wpc.form, wpc.window_form or wpc.wildcard,
    /// with the member's path.
    static Result<WorkPolicy> parse(std::string_view text);
    /// As parse, of a value that is the member at `path` of another document.
    static Result<WorkPolicy> of(const JsonValue& payload, const std::string& path);

    const WorkPolicyTerms& terms() const noexcept { return terms_; }
    /// RFC 8785: the bytes that are hashed.
    const std::string& text() const noexcept { return text_; }
    /// policy_hash_b64u: H(text()).
    const std::string& hash() const noexcept { return hash_; }
    /// What a pin's policy_version must equal: metadata.version, else policy_id.
    const std::string& version() const noexcept {
        return terms_.version ? *terms_.version : terms_.policy_id;
    }

private:
    WorkPolicy(WorkPolicyTerms terms, std::string text, std::string hash)
        : terms_(std::move(terms)), text_(std::move(text)), hash_(std::move(hash)) {}

    WorkPolicyTerms terms_;
    std::string text_;
    std::string hash_;
};

/// A contract on its way to be signed.
class UnsignedWorkPolicy {
public:
    /// Error: internal.
    static Result<UnsignedWorkPolicy> of(const WorkPolicy& policy);

    /// What the key signs: the 43 characters of the contract's hash.
    const crypto::SigningInput<crypto::Family::work_policy>& input() const noexcept {
        return input_;
    }

    /// The ecosystem's envelope, members in its order; the payload is the contract's text().
    std::string envelope(const crypto::KeyIdentity& signer, const crypto::Signature& signature,
                         UnixMillis issued_at) const;

private:
    using Input = crypto::SigningInput<crypto::Family::work_policy>;
    UnsignedWorkPolicy(std::string payload, std::string hash, Input input)
        : payload_(std::move(payload)), hash_(std::move(hash)), input_(std::move(input)) {}

    std::string payload_;
    std::string hash_;
    Input input_;
};

/// A contract that somebody on the list has signed.
struct SignedWorkPolicy {
    WorkPolicy policy;
    std::string signer_did;
    std::string
        envelope;  // as JSON.stringify prints what was read; this is what is kept and served
};

/// Reads an envelope and holds its signature against `signers`, the DIDs whose contracts are
/// accepted (empty: nobody's). The envelope is closed; signer_did is a did:key of an Ed25519 or
/// P-256 key that is exactly one of them. Errors: those of WorkPolicy::parse under "payload", or
/// invalid_field by wpc.form, for the envelope; policy_denied by wpc.signer, wpc.hash,
/// wpc.signature.
Result<SignedWorkPolicy> verify_work_policy_envelope(std::string_view text,
                                                     std::span<const std::string> signers);

}  // namespace clawsigner::claw
