#include "claw/checkpoint.h"
#include "fuzz/fuzz.h"

#include <vector>

namespace clawsigner::fuzz {
namespace {

/// The key of the notes' published example, and a log's: that of RFC 8032, section 7.1, test 1.
const std::vector<claw::NoteKey>& keys() {
    static const std::vector<claw::NoteKey> known{
        claw::NoteKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
            .value(),
        claw::NoteKey::of(
            "log.example.com/1",
            crypto::PublicKey::ed25519(
                base::hex_decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
                    .value())
                .value())
            .value()};
    return known;
}

}  // namespace

void fuzz(std::span<const std::uint8_t> input) {
    const std::string_view text = as_text(input);
    if (const auto key = claw::NoteKey::parse(text); key.ok()) {
        require(key->text() == text);
    }
    if (const auto signed_text = claw::open_note(text, keys()); signed_text.ok()) {
        require(text.starts_with(*signed_text));
    }
    if (const auto checkpoint = claw::open_checkpoint(text, keys(), "log.example.com/1");
        checkpoint.ok()) {
        require(text.starts_with(claw::CheckpointBody::of(*checkpoint).value().text() + "\n"));
    }
}

}  // namespace clawsigner::fuzz
