#include "claw/work_policy.h"
#include "fuzz/fuzz.h"

#include <array>

namespace clawsigner::fuzz {

// A contract that is read has one text and one hash; an envelope that holds is of the contract that
// was signed; a window that is open ends.
void fuzz(std::span<const std::uint8_t> input) {
    // RFC 8032, section 7.1, test 1: it signed one contract, whose id is "signed".
    static const std::array<std::string, 1> signers{
        "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"};
    const std::string_view text = as_text(input);
    if (const auto policy = claw::WorkPolicy::parse(text); policy.ok()) {
        const auto again = claw::WorkPolicy::parse(policy->text());
        require(again.ok() && again->hash() == policy->hash());
        require(again->text() == policy->text());
        require(claw::UnsignedWorkPolicy::of(*policy).ok());
    } else {
        require(!policy.error().rule.empty());
    }
    if (const auto held = claw::verify_work_policy_envelope(text, signers); held.ok()) {
        require(held->policy.terms().policy_id == "signed");
        require(claw::verify_work_policy_envelope(held->envelope, signers).ok());
    }
    if (const auto window = claw::ChangeWindow::parse(text); window.ok()) {
        for (std::int64_t at = 0; at < 604'800; at += 3'617) {
            const auto end = window->end_of_open(at);
            require(!end || (window->contains(at) && *end > at && !window->contains(*end) &&
                             window->contains(*end - 1)));
        }
    }
}

}  // namespace clawsigner::fuzz
