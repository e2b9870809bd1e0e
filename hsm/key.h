#pragma once

#include "base/encoding.h"
#include "base/result.h"
#include "crypto/family.h"
#include "crypto/public_key.h"

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clawsigner::hsm {

/// Our name for a key inside its store (CKA_ID): 8 random bytes, printed as 16 hex digits. Not the
/// kid, which names the public key to the world.
class KeyId {
public:
    static constexpr std::size_t kSize = 8;

    static Result<KeyId> random();
    /// Error: invalid_field, unless exactly 8 bytes.
    static Result<KeyId> of(ByteView bytes);
    /// Error: invalid_field, unless 16 lower-case hex digits.
    static Result<KeyId> parse(std::string_view text);

    ByteView bytes() const noexcept { return bytes_; }
    std::string text() const { return base::hex_encode(bytes_); }

    friend auto operator<=>(const KeyId&, const KeyId&) = default;

private:
    std::array<std::uint8_t, kSize> bytes_{};
};

/// What a key is for and which of its family's keys it is. Versions count from 1.
struct KeyName {
    crypto::Family family{};
    std::uint32_t version = 0;  // 1 to crypto::kMaxKeyVersion

    friend auto operator<=>(const KeyName&, const KeyName&) = default;
};

/// The label a key carries in its store: "clawsigner/gateway_receipt/1".
std::string key_label(const KeyName& name);
/// Nothing, when the label is not one of ours.
std::optional<KeyName> parse_key_label(std::string_view label);

/// What the store says of a private key (PKCS#11 v2.40, section 4.9). Host-asserted: the store is
/// believed, not proven.
struct KeyAttributes {
    bool sensitive = false;
    bool always_sensitive = false;
    bool extractable = true;
    bool never_extractable = false;
    bool local = false;
    bool modifiable = true;
};

/// What kind of store holds a family's keys, as it is published.
enum class Custody : std::uint8_t {
    pkcs11,
    tpm,         // made in a TPM and never outside it
    tpm_sealed,  // sealed to a TPM, and plain in this process's memory while it runs
};

/// "pkcs11", "tpm", "tpm-sealed". Static storage.
std::string_view custody_name(Custody custody) noexcept;

/// What is known once a key of such a store is destroyed: "gone", the store has nothing of it any
/// more; "erased", our files of it are, and a copy made earlier still works. Static storage.
std::string_view destruction_proof(Custody custody) noexcept;

/// A usable key: a private half that stays in its store, and the public half that goes with it.
struct StoredKey {
    KeyId id;
    KeyName name;
    crypto::PublicKey public_key;
    KeyAttributes attributes;
};

/// An object in the store that carries our label but must not sign, and why.
struct UnusableKey {
    std::string id;  // hex of whatever CKA_ID it has
    std::string label;
    Error why;  // key_missing, when it is only the public half of a key
};

/// What a person calls an object that need not be a whole key: its id, or where it has none its
/// label.
inline const std::string& handle_of(const std::string& id, const std::string& label) noexcept {
    return id.empty() ? label : id;
}
inline const std::string& handle_of(const UnusableKey& key) noexcept {
    return handle_of(key.id, key.label);
}

}  // namespace clawsigner::hsm
