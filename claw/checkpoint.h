#pragma once

#include "base/result.h"
#include "claw/merkle.h"
#include "claw/note_key.h"
#include "claw/signed_note.h"
#include "crypto/signing_input.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

/// C2SP tlog-checkpoint v1.0.0: what a log says of itself, in a signed note. Ours has no extension
/// lines: nobody can audit them.
namespace clawsigner::claw {

inline constexpr std::size_t kMaxOriginBytes = 255;

struct Checkpoint {
    std::string origin;
    std::uint64_t size = 0;
    TreeHash root{};

    friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

/// A checkpoint on its way to be signed.
class CheckpointBody {
public:
    /// An origin is one line of valid UTF-8, 1 to kMaxOriginBytes, without control characters, that
    /// does not begin as what other keys sign (crypto::has_signed_form). Error: invalid_field with
    /// the field "origin".
    static Result<CheckpointBody> of(const Checkpoint& checkpoint);

    /// The note's text, which is what the key signs: "ORIGIN\nSIZE\nBASE64ROOT\n".
    const std::string& text() const noexcept { return text_; }
    const crypto::SigningInput<crypto::Family::checkpoint>& input() const noexcept {
        return input_;
    }
    /// The whole note, its signature lines in this order.
    std::string note(std::span<const NoteSignature> signatures) const;

private:
    using Input = crypto::SigningInput<crypto::Family::checkpoint>;
    CheckpointBody(std::string text, Input input)
        : text_(std::move(text)), input_(std::move(input)) {}

    std::string text_;
    Input input_;
};

/// The checkpoint in a note that `key` signed, of the log with this origin. What is made of other
/// signature lines stands at open_note.
/// Errors: invalid_field without a field name, when it is no note, no checkpoint or one with
/// extension lines, or over a bound; proof_invalid, when the origin is another, the key did not
/// sign it or a signature of its is forged.
Result<Checkpoint> open_checkpoint(std::string_view note, const NoteKey& key,
                                   std::string_view origin);
/// The same with several keys, one of which is enough: while a log changes its key, both sign.
Result<Checkpoint> open_checkpoint(std::string_view note, std::span<const NoteKey> keys,
                                   std::string_view origin);

}  // namespace clawsigner::claw
