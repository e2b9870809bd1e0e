#include "claw/json_array.h"
#include "fuzz/fuzz.h"

namespace clawsigner::fuzz {

// Elements point into the text, in order, without overlap.
void fuzz(std::span<const std::uint8_t> input) {
    const std::string_view text = as_text(input);
    const auto elements = claw::split_array_member(text, "receipts", 100);
    if (!elements.ok()) {
        return;
    }
    require(elements->size() <= 100);
    const char* at = text.data();
    for (const std::string_view element : *elements) {
        if (!element.empty()) {
            require(element.data() >= at &&
                    element.data() + element.size() <= text.data() + text.size());
            at = element.data() + element.size();
        }
    }
}

}  // namespace clawsigner::fuzz
