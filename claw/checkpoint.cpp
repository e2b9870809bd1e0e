#include "claw/checkpoint.h"

#include "base/encoding.h"
#include "claw/unicode.h"

#include <algorithm>
#include <array>

namespace clawsigner::claw {
namespace {

Error unreadable(std::string_view why) {
    return Error(ErrorCode::invalid_field, std::string(why));
}

bool is_origin(std::string_view origin) {
    return !origin.empty() && origin.size() <= kMaxOriginBytes && is_printable_utf8(origin);
}

/// The line `text` begins with, which is taken off it; nothing when there is no whole one.
std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
        return {};
    }
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
}

Result<TreeHash> parse_root(std::string_view line) {
    TreeHash root{};
    const auto bytes = base::base64_decode(line);
    if (!bytes.ok() || bytes->size() != root.size()) {
        return unreadable("is not a checkpoint: its root is not the base64 of 32 bytes");
    }
    std::ranges::copy(*bytes, root.begin());
    return root;
}

Result<Checkpoint> parse_body(std::string_view text) {
    Checkpoint checkpoint;
    checkpoint.origin = take_line(text);
    if (!is_origin(checkpoint.origin)) {
        return unreadable("is not a checkpoint: its first line is no origin");
    }
    const auto size = base::decimal_decode(take_line(text));
    if (!size.ok()) {
        return unreadable("is not a checkpoint: its size " + size.error().message);
    }
    checkpoint.size = *size;
    TRY(checkpoint.root, parse_root(take_line(text)));
    if (!text.empty()) {
        return unreadable("is a checkpoint with extension lines, which ours has not");
    }
    return checkpoint;
}

}  // namespace

Result<CheckpointBody> CheckpointBody::of(const Checkpoint& checkpoint) {
    std::string text = checkpoint.origin;
    text.append("\n").append(std::to_string(checkpoint.size)).append("\n");
    text.append(base::base64_encode(checkpoint.root)).append("\n");
    if (!is_origin(checkpoint.origin) ||
        !crypto::has_signed_form(crypto::Family::checkpoint, text)) {
        return Error::at("origin", "must be one line of 1 to 255 bytes, such as log.example.com/1");
    }
    TRY(Input input, Input::of(text));
    return CheckpointBody(std::move(text), std::move(input));
}

std::string CheckpointBody::note(std::span<const NoteSignature> signatures) const {
    return print_note(text_, signatures);
}

Result<Checkpoint> open_checkpoint(std::string_view note, const NoteKey& key,
                                   std::string_view origin) {
    return open_checkpoint(note, std::span(&key, 1), origin);
}

Result<Checkpoint> open_checkpoint(std::string_view note, std::span<const NoteKey> keys,
                                   std::string_view origin) {
    TRY(const std::string_view text, open_note(note, keys));
    TRY(Checkpoint checkpoint, parse_body(text));
    if (checkpoint.origin != origin) {
        return Error(ErrorCode::proof_invalid, "is a checkpoint of another origin");
    }
    return checkpoint;
}

}  // namespace clawsigner::claw
