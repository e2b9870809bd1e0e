#include "crypto/sshsig.h"
#include "fuzz/fuzz.h"

namespace clawsigner::fuzz {

// A key has one text and one blob, and nobody signs a message that is in no corpus.
void fuzz(std::span<const std::uint8_t> input) {
    const std::string_view text = as_text(input);
    if (const auto key = crypto::SshPublicKey::parse(text); key.ok()) {
        require(key->text() == text);
        require(crypto::SshPublicKey::from_blob(key->blob()).value() == *key);
        require(key->fingerprint().size() == 50);
    }
    if (const auto key = crypto::SshPublicKey::from_blob(input); key.ok()) {
        require(crypto::SshPublicKey::parse(key->text()).value() == *key);
    }
    if (const auto signature = crypto::SshSignature::parse(text); signature.ok()) {
        require(!signature->name_space().empty());
        require(!signature->verifies(base::as_bytes("signed by nobody"), signature->name_space()));
    }
}

}  // namespace clawsigner::fuzz
