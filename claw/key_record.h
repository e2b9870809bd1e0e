#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "crypto/family.h"
#include "crypto/public_key.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The versions of a family's key, as the log's leaves make them and as they are published.
namespace clawsigner::claw {

///     pending ──► active ──► verify_only ──► retired ──► destroyed
///
/// and from anywhere: compromised. Which event leads where is in service/key_states.h.
enum class KeyState : std::uint8_t {
    pending,      // made and published; does not sign yet
    active,       // signs; at most one of a family
    verify_only,  // published until its not_after
    retired,      // not published any more; still in its store
    destroyed,    // gone from its store
    compromised,  // published as such, since a time or a leaf
};

inline constexpr std::array kKeyStates{KeyState::pending,     KeyState::active,
                                       KeyState::verify_only, KeyState::retired,
                                       KeyState::destroyed,   KeyState::compromised};

/// "pending", "verify_only", … Static storage.
std::string_view key_state_name(KeyState state) noexcept;
std::optional<KeyState> key_state_from_name(std::string_view name) noexcept;

/// The longest overlap of two versions: a year, whichever.
inline constexpr std::int64_t kMaxOverlapSeconds = 366LL * 24 * 3600;

struct KeyRecord {
    /// A version that nothing has happened to yet.
    static KeyRecord of(crypto::Family family, std::uint32_t version, KeyState state,
                        crypto::PublicKey public_key, UnixMillis created);

    crypto::Family family{};
    std::uint32_t version = 0;  // from 1
    KeyState state{};
    crypto::PublicKey public_key;
    /// In its store, 16 hex digits. None: the private half was never held here (an adopted key).
    std::optional<std::string> id;
    UnixMillis created;
    std::optional<UnixMillis> activate_at;        // while pending: when it is to sign
    std::optional<std::chrono::seconds> overlap;  // while pending: of its predecessor, from then on
    std::optional<UnixMillis> active_since;
    std::optional<UnixMillis> active_until;
    std::optional<UnixMillis> not_after;  // of verify_only
    /// Of compromised: since when, or since which leaf, what it signed is worth nothing. The leaf,
    /// where it is known, is what an auditor goes by.
    std::optional<UnixMillis> compromised_since;
    std::optional<std::uint64_t> compromised_leaf;
    /// "gone": its store held nothing of it any more when it was looked for; "erased": our files of
    /// it are gone, and a copy made earlier still works; "absent": its store held nothing of it
    /// before.
    std::optional<std::string> proof;

    friend bool operator==(const KeyRecord&, const KeyRecord&) = default;
};

/// Under which name a record stands in the state: "key/gateway_receipt/1".
std::string key_row_name(crypto::Family family, std::uint32_t version);

/// Canonical JSON (RFC 8785).
std::string key_record_text(const KeyRecord& record);
/// Accepts exactly what key_record_text gives, under the name it has. Errors: malformed_json,
/// invalid_field.
Result<KeyRecord> parse_key_record(std::string_view name, std::string_view text);

class JsonReader;
/// The member "family" of what a caller sends. Refused there: a name that is none.
crypto::Family read_family(JsonReader& in);

/// A family, with its versions in ascending order.
struct FamilyKeys {
    crypto::Family family{};
    bool frozen = false;  // nothing is signed; still published
    std::vector<KeyRecord> versions;

    /// Null, when none is active.
    const KeyRecord* active() const noexcept;
    /// Null, when none is pending.
    const KeyRecord* pending() const noexcept;
    const KeyRecord* version(std::uint32_t number) const noexcept;

    friend bool operator==(const FamilyKeys&, const FamilyKeys&) = default;
};

/// May a verifier accept what this key signs, at `now`? pending, active, and verify_only until its
/// not_after.
bool is_published(const KeyRecord& record, UnixMillis now) noexcept;

}  // namespace clawsigner::claw
