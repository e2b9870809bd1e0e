#include "base/clock.h"
#include "base/encoding.h"
#include "crypto/key_forms.h"
#include "fuzz/fuzz.h"
#include "hsm/key.h"

namespace clawsigner::fuzz {

// Each of these has one spelling: what is read prints as it was.
void fuzz(std::span<const std::uint8_t> input) {
    const std::string_view text = as_text(input);
    if (const auto bytes = base::base64url_decode(text); bytes.ok()) {
        require(base::base64url_encode(*bytes) == text);
    }
    if (const auto bytes = base::hex_decode(text); bytes.ok()) {
        require(base::hex_encode(*bytes) == text);
    }
    if (const auto bytes = base::base58btc_decode(text); bytes.ok()) {
        require(base::base58btc_encode(*bytes) == text);
    }
    if (const auto time = base::parse_utc(text); time.ok()) {
        require(base::format_utc(*time) == text);
    }
    if (const auto key = crypto::public_key_from_did(text); key.ok()) {
        require(crypto::did_key(*key) == text);
    }
    if (const auto name = hsm::parse_key_label(text); name) {
        require(hsm::key_label(*name) == text);
    }
}

}  // namespace clawsigner::fuzz
