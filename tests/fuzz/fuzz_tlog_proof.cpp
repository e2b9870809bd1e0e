#include "claw/tlog_proof.h"
#include "fuzz/fuzz.h"

namespace clawsigner::fuzz {

// A proof has one spelling, and without a key it holds for nobody.
void fuzz(std::span<const std::uint8_t> input) {
    const std::string_view text = as_text(input);
    const auto proof = claw::parse_proof(text);
    if (!proof.ok()) {
        return;
    }
    require(claw::print_proof(*proof) == text);
    require(!claw::check_proof(*proof, claw::leaf_hash({}), {}, "log.example.com/1").ok());
    const auto leaf = claw::leaf_hash({});
    require(!claw::check_inclusion(leaf, proof->index, proof->index, proof->path, leaf).ok());
}

}  // namespace clawsigner::fuzz
