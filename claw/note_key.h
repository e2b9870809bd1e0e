#pragma once

#include "base/result.h"
#include "crypto/public_key.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace clawsigner::claw {

/// Valid UTF-8, not empty, without control characters, Unicode spaces and '+' (C2SP signed-note
/// v1.0.0, "Format").
bool is_key_name(std::string_view name) noexcept;

/// Who signs notes: a name and an Ed25519 key (C2SP signed-note v1.0.0, signature type 0x01).
class NoteKey {
public:
    /// Error: invalid_field without a field name, when the name is none (is_key_name) or the key is
    /// of another algorithm.
    static Result<NoteKey> of(std::string name, const crypto::PublicKey& ed25519);
    /// Accepts what text gives and nothing else. Error: invalid_field without a field name.
    static Result<NoteKey> parse(std::string_view text);

    /// The verifier key as tools exchange it: "NAME+HEXID+BASE64(0x01 || 32 bytes)".
    std::string text() const;

    const std::string& name() const noexcept { return name_; }
    /// The first four bytes of SHA-256(name || 0x0A || 0x01 || key), big-endian ("Signatures").
    std::uint32_t id() const noexcept { return id_; }
    const crypto::PublicKey& key() const noexcept { return key_; }

private:
    NoteKey(std::string name, crypto::PublicKey key, std::uint32_t id)
        : name_(std::move(name)), key_(std::move(key)), id_(id) {}

    std::string name_;
    crypto::PublicKey key_;
    std::uint32_t id_;
};

}  // namespace clawsigner::claw
