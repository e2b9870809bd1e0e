#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "claw/key_record.h"
#include "crypto/public_key.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Every version of every family's key, published or not, in one text whose digest stands in the
/// log: what the appliance said of its keys at that time, and cannot unsay.
namespace clawsigner::claw {

inline constexpr std::size_t kMaxManifestBytes = 1'048'576;

struct ManifestKey {
    std::uint32_t version = 0;
    KeyState state{};
    crypto::PublicKey public_key;
    /// What holds the private half: a kind of key store ("pkcs11"); "none", when it was never held
    /// here (an adopted key) or is destroyed.
    std::string custody;
    UnixMillis created;
    // As in KeyRecord:
    std::optional<UnixMillis> activate_at;
    std::optional<UnixMillis> active_since;
    std::optional<UnixMillis> active_until;
    std::optional<UnixMillis> not_after;
    std::optional<UnixMillis> compromised_since;
    std::optional<std::uint64_t> compromised_leaf;
    std::optional<std::string> proof;
};

struct ManifestFamily {
    crypto::Family family{};
    bool frozen = false;
    std::vector<ManifestKey> keys;  // versions ascending
};

struct KeyManifest {
    std::string origin;  // the log's, 1 to 255 bytes
    UnixMillis time;
    std::vector<ManifestFamily> families;  // each once, in the order of crypto::kFamilies
};

/// `custody` is what holds the keys of this family that have an id in their store.
ManifestFamily manifest_family(const FamilyKeys& family, std::string_view custody);

/// Canonical JSON (RFC 8785): v 1, type "clawsigner-key-manifest", origin, time, families; of each
/// key besides the members above its algorithm, kid, jkt (RFC 7638) and did, and assurance
/// "host-asserted": what the store says of its keys is believed, not proven.
std::string key_manifest_text(const KeyManifest& manifest);

/// Accepts exactly what key_manifest_text gives for such a manifest, of at most kMaxManifestBytes,
/// in which a family has at most one active and one pending key. Errors: too_large, malformed_json,
/// invalid_field.
Result<KeyManifest> parse_key_manifest(std::string_view text);

/// 43 characters: base64url of SHA-256 of the exact text. It is what goes into a leaf.
std::string key_manifest_digest(std::string_view text);

}  // namespace clawsigner::claw
