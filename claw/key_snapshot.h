#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "claw/published_keys.h"
#include "claw/verdict.h"
#include "crypto/public_key.h"
#include "crypto/signing_input.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

/// Clawscope's key transparency snapshot, version 1: the accepted keys of one moment, signed by the
/// active one. What is signed is the JSON itself, not its hash.
namespace clawsigner::claw {

inline constexpr std::size_t kMaxSnapshotBytes = 65'536;
inline constexpr std::size_t kMaxSnapshotKids = 256;  // in one list

struct KeySnapshot {
    std::chrono::sys_seconds generated_at;
    PublishedKids kids;
    std::chrono::seconds overlap{0};
};

KeySnapshot snapshot_of(const FamilyKeys& family, UnixMillis now, std::chrono::seconds overlap);

/// A snapshot on its way to be signed.
class SnapshotBody {
public:
    /// Error: key_missing, when no key is active.
    static Result<SnapshotBody> of(const KeySnapshot& snapshot);

    /// What the active key signs: JSON.stringify of the nine members, in clawscope's order.
    const std::string& text() const noexcept { return text_; }
    const crypto::SnapshotInput& input() const noexcept { return input_; }

    /// The snapshot as it is handed out: these members, then snapshot_id ("kts_SECONDS_KID"),
    /// snapshot_hash_b64u, signer_kid and the active key's signature.
    std::string signed_by_active(const crypto::Signature& signature) const;

private:
    SnapshotBody(std::string text, std::string id, std::string kid, crypto::SnapshotInput input)
        : text_(std::move(text)),
          id_(std::move(id)),
          active_kid_(std::move(kid)),
          input_(std::move(input)) {}

    std::string text_;
    std::string id_;
    std::string active_kid_;
    crypto::SnapshotInput input_;
};

struct SnapshotVerdict {
    Verdict verdict;
    std::optional<KeySnapshot> snapshot;  // present exactly when valid
};

/// Is this text a snapshot that one of the keys signed? It may have at most kMaxSnapshotBytes, and
/// any layout; its members are those of signed_by_active and the optional r2_object_key. Checks
/// what the ecosystem does not: the signature, by the key that the snapshot names as active; the
/// hash and the id; that the lists agree with each other. How old it may be is the caller's to say.
/// Codes: malformed_envelope, schema_validation_failed, hash_mismatch, claim_not_found (the signer
/// is none of the keys), signature_invalid.
SnapshotVerdict verify_key_snapshot(std::string_view text, std::span<const crypto::PublicKey> keys);

}  // namespace clawsigner::claw
