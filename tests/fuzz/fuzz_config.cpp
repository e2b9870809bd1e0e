#include "config/config.h"
#include "fuzz/fuzz.h"
#include "pkcs11/uri.h"

namespace clawsigner::fuzz {

void fuzz(std::span<const std::uint8_t> input) {
    const auto config = config::parse(as_text(input), "/etc/clawsigner/clawsigner.toml");
    require(config.ok() || config.error().message.starts_with("/etc/clawsigner/clawsigner.toml:"));
    if (const auto uri = pkcs11::parse_token_uri(as_text(input)); !uri.ok()) {
        require(uri.error().code == ErrorCode::config_invalid);
    }
}

}  // namespace clawsigner::fuzz
