#include "claw/note_key.h"

#include "base/encoding.h"
#include "claw/unicode.h"
#include "crypto/digest.h"

#include <array>

namespace clawsigner::claw {
namespace {

constexpr char kEd25519Note = 0x01;  // signature type

Error unreadable(std::string_view why) {
    return Error(ErrorCode::invalid_field, std::string(why));
}

/// The signature's type and the key, as a key id is taken over it and as a verifier key shows it.
std::string typed(const crypto::PublicKey& key) {
    std::string bytes(1, kEd25519Note);
    return bytes.append(key.raw().begin(), key.raw().end());
}

std::uint32_t id_of(const std::string& name, const crypto::PublicKey& key) {
    const crypto::Sha256 digest = crypto::sha256(name + "\n" + typed(key));
    return std::uint32_t{digest[0]} << 24U | std::uint32_t{digest[1]} << 16U |
           std::uint32_t{digest[2]} << 8U | digest[3];
}

std::string hex_of(std::uint32_t id) {
    const std::array<std::uint8_t, 4> bytes{
        static_cast<std::uint8_t>(id >> 24U), static_cast<std::uint8_t>(id >> 16U),
        static_cast<std::uint8_t>(id >> 8U), static_cast<std::uint8_t>(id)};
    return base::hex_encode(bytes);
}

}  // namespace

bool is_key_name(std::string_view name) noexcept {
    if (name.empty() || !is_printable_utf8(name)) {
        return false;
    }
    while (!name.empty()) {
        const auto point = next_code_point(name);
        if (!point || *point == U'+' || is_unicode_space(*point)) {
            return false;
        }
    }
    return true;
}

Result<NoteKey> NoteKey::of(std::string name, const crypto::PublicKey& ed25519) {
    if (!is_key_name(name)) {
        return unreadable(
            "is no key name: without spaces, control characters and +, and not empty");
    }
    if (ed25519.algorithm() != crypto::Algorithm::ed25519) {
        return unreadable("is no key for notes: it must be ed25519");
    }
    const std::uint32_t id = id_of(name, ed25519);
    return NoteKey(std::move(name), ed25519, id);
}

Result<NoteKey> NoteKey::parse(std::string_view text) {
    const std::size_t id_at = text.find('+') + 1;
    const std::size_t key_at = text.find('+', id_at) + 1;
    if (id_at == 0 || key_at == 0) {
        return unreadable("is not a verifier key: NAME+ID+KEY");
    }
    TRY(const Bytes bytes, base::base64_decode(text.substr(key_at)));
    if (bytes.empty() || bytes.front() != kEd25519Note) {
        return unreadable("is not a verifier key for Ed25519 notes");
    }
    TRY(const auto key, crypto::PublicKey::ed25519(ByteView(bytes).subspan(1)));
    TRY(NoteKey note_key, of(std::string(text.substr(0, id_at - 1)), key));
    if (note_key.text() != text) {
        return unreadable("is not a verifier key: its id is not that of its name and key");
    }
    return note_key;
}

std::string NoteKey::text() const {
    return name_ + "+" + hex_of(id_) + "+" + base::base64_encode(base::as_bytes(typed(key_)));
}

}  // namespace clawsigner::claw
