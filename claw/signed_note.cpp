#include "claw/signed_note.h"

#include "base/encoding.h"
#include "claw/unicode.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace clawsigner::claw {
namespace {

constexpr std::string_view kDash = "\u2014 ";
constexpr std::size_t kIdBytes = 4;

Error unreadable(std::string_view why) {
    return Error(ErrorCode::invalid_field, std::string(why));
}

Error not_signed(std::string_view why) {
    return Error(ErrorCode::proof_invalid, std::string(why));
}

std::uint32_t id_at(ByteView bytes) {
    return std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U |
           std::uint32_t{bytes[2]} << 8U | bytes[3];
}

struct SignatureLine {
    std::string_view name;
    std::uint32_t id = 0;
    Bytes signature;
};

struct Note {
    std::string_view text;
    std::vector<SignatureLine> signatures;
};

/// "— NAME BASE64", without its newline.
Result<SignatureLine> parse_line(std::string_view line) {
    const Error error = unreadable("is not a signed note: a signature line is malformed");
    if (!line.starts_with(kDash)) {
        return error;
    }
    line.remove_prefix(kDash.size());
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || !is_key_name(line.substr(0, space))) {
        return error;
    }
    const auto bytes = base::base64_decode(line.substr(space + 1));
    if (!bytes.ok() || bytes->size() <= kIdBytes) {
        return error;
    }
    return SignatureLine{line.substr(0, space), id_at(*bytes),
                         Bytes(bytes->begin() + kIdBytes, bytes->end())};
}

Result<std::vector<SignatureLine>> parse_lines(std::string_view lines) {
    std::vector<SignatureLine> signatures;
    while (!lines.empty()) {
        if (signatures.size() == kMaxNoteSignatures) {
            return unreadable("is a signed note with more than 16 signatures");
        }
        const std::size_t end = lines.find('\n');
        TRY(signatures.emplace_back(), parse_line(lines.substr(0, end)));
        lines.remove_prefix(end + 1);
    }
    return signatures;
}

bool is_note_text(std::string_view note) {
    std::string lines(note);
    std::erase(lines, '\n');
    return is_printable_utf8(lines);
}

Result<Note> parse_note(std::string_view note) {
    if (note.size() > kMaxNoteBytes) {
        return unreadable("is longer than 65536 bytes");
    }
    if (!is_note_text(note)) {
        return unreadable("is not a signed note: not UTF-8, or with control characters");
    }
    const std::size_t empty_line = note.rfind("\n\n");
    if (empty_line == std::string_view::npos || !note.ends_with('\n') ||
        empty_line + 2 == note.size()) {
        return unreadable("is not a signed note: a text, an empty line, and signature lines");
    }
    Note parsed;
    parsed.text = note.substr(0, empty_line + 1);
    TRY(parsed.signatures, parse_lines(note.substr(empty_line + 2)));
    return parsed;
}

const NoteKey* key_of(const SignatureLine& line, std::span<const NoteKey> keys) {
    const auto found = std::ranges::find_if(
        keys, [&](const NoteKey& key) { return key.name() == line.name && key.id() == line.id; });
    return found == keys.end() ? nullptr : &*found;
}

/// Why none of the signatures counts.
Error signed_by_others(const Note& note, std::span<const NoteKey> keys) {
    const auto has_known_name = [&](const SignatureLine& line) {
        return std::ranges::any_of(keys,
                                   [&](const NoteKey& key) { return key.name() == line.name; });
    };
    return not_signed(std::ranges::any_of(note.signatures, has_known_name)
                          ? "is signed in the key's name by a key with another id"
                          : "is not signed by a known key");
}

}  // namespace

std::string print_note(std::string_view text, std::span<const NoteSignature> signatures) {
    std::string note(text);
    note.append("\n");
    for (const auto& [key, signature] : signatures) {
        Bytes bytes;
        for (unsigned shift = 32; shift > 0; shift -= 8) {
            bytes.push_back(static_cast<std::uint8_t>(key.id() >> (shift - 8)));
        }
        bytes.insert(bytes.end(), signature.begin(), signature.end());
        note.append(kDash).append(key.name()).append(" ");
        note.append(base::base64_encode(bytes)).append("\n");
    }
    return note;
}

Result<std::string_view> open_note(std::string_view note, std::span<const NoteKey> keys) {
    TRY(const Note parsed, parse_note(note));
    bool known = false;
    for (const SignatureLine& line : parsed.signatures) {
        const NoteKey* const key = key_of(line, keys);
        if (key == nullptr) {
            continue;
        }
        if (!key->key().verifies(base::as_bytes(parsed.text), line.signature)) {
            return not_signed("has a forged signature: it does not verify with the key it names");
        }
        known = true;
    }
    if (!known) {
        return signed_by_others(parsed, keys);
    }
    return parsed.text;
}

}  // namespace clawsigner::claw
