#include "claw/json.h"
#include "fuzz/fuzz.h"

namespace clawsigner::fuzz {

// What is accepted prints as a text that is accepted, means the same and prints the same again.
void fuzz(std::span<const std::uint8_t> input) {
    const auto strict = claw::parse_json(as_text(input), claw::JsonRules::door);
    const auto lenient = claw::parse_json(as_text(input), claw::JsonRules::javascript);
    require(!strict.ok() || lenient.ok());
    if (!lenient.ok()) {
        return;
    }
    const std::string text = claw::json_text(*lenient);
    const auto again = claw::parse_json(text, claw::JsonRules::javascript);
    require(again.ok() && claw::json_text(*again) == text);
    const std::string canonical = claw::canonical_json_text(*lenient);
    const auto sorted = claw::parse_json(canonical, claw::JsonRules::javascript);
    require(sorted.ok() && claw::canonical_json_text(*sorted) == canonical);
    require(claw::canonical_json_text(*again) == canonical);
}

}  // namespace clawsigner::fuzz
