#include "claw/receipt_verify.h"
#include "crypto/key_forms.h"
#include "fuzz/fuzz.h"

namespace clawsigner::fuzz {

// A verdict always comes, and nothing the fuzzer could have changed in the golden envelope makes
// another one valid.
void fuzz(std::span<const std::uint8_t> input) {
    static const auto kGolden =
        crypto::public_key_from_did("did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw")
            .value();
    const auto result = claw::verify_receipt(as_text(input), {kGolden});
    require(result.verdict.valid() == result.summary.has_value());
    require(result.verdict.valid() || !result.verdict.message.empty());
    require(!result.verdict.valid() || result.summary->receipt_id == "rcpt_fixed");
}

}  // namespace clawsigner::fuzz
