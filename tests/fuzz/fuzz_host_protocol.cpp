#include "fuzz/fuzz.h"
#include "pkcs11/host_protocol.h"

#include <algorithm>

namespace clawsigner::fuzz {

/// Whatever is understood, in either direction, is said again in the same bytes.
void fuzz(std::span<const std::uint8_t> input) {
    namespace host = pkcs11::host;
    if (const auto question = host::decode_question(input); question.ok()) {
        require(std::ranges::equal(host::encode(*question), input));
    }
    if (const auto reply = host::decode_reply(input); reply.ok()) {
        require(std::ranges::equal(host::encode(*reply), input));
    }
}

}  // namespace clawsigner::fuzz
