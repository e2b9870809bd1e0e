#include "claw/tile.h"
#include "fuzz/fuzz.h"

namespace clawsigner::fuzz {

// Paths have one spelling. Of contents the first byte says the width.
void fuzz(std::span<const std::uint8_t> input) {
    const std::string_view text = as_text(input);
    if (const auto id = claw::parse_tile_path(text); id.ok()) {
        require(claw::tile_path(*id) == text);
    }
    if (const auto id = claw::parse_entries_path(text); id.ok()) {
        require(claw::entries_path(id->index, id->width) == text);
    }
    if (text.empty()) {
        return;
    }
    const std::size_t width = std::size_t{input.front()} + 1;
    if (const auto hashes = claw::decode_tile(input.subspan(1), width); hashes.ok()) {
        require(claw::encode_tile(*hashes) == text.substr(1));
    }
    if (const auto entries = claw::decode_entries(text.substr(1), width); entries.ok()) {
        require(claw::encode_entries(*entries) == text.substr(1));
    }
}

}  // namespace clawsigner::fuzz
