#pragma once

#include "base/result.h"
#include "claw/note_key.h"
#include "crypto/public_key.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

/// C2SP signed-note v1.0.0: a text, and who signed it.
namespace clawsigner::claw {

inline constexpr std::size_t kMaxNoteBytes = 65'536;
/// What every verifier must accept ("Format"); ours accepts no more.
inline constexpr std::size_t kMaxNoteSignatures = 16;

using NoteSignature = std::pair<NoteKey, crypto::Signature>;

/// The text, which ends in a newline, and below an empty line a line for every signature.
std::string print_note(std::string_view text, std::span<const NoteSignature> signatures);

/// The text of a note that is signed by one of `keys` at least. Signatures by keys that are not
/// among them are ignored, also where only the name or only the id is one of theirs; a signature
/// that is said to be by one of them and does not verify condemns the note. The text points into
/// `note`.
/// Errors: invalid_field without a field name, when it is no note or over a bound; proof_invalid,
/// when none of the keys signed it or a signature is forged.
Result<std::string_view> open_note(std::string_view note, std::span<const NoteKey> keys);

}  // namespace clawsigner::claw
