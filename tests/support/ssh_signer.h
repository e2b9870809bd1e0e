#pragma once

#include "crypto/ssh_key.h"
#include "support/software_key.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace clawsigner::tests {

/// What a signature can be made with that is not as usual.
struct SshChoices {
    std::string magic = "SSHSIG";
    std::uint32_t version = 1;
    std::string reserved;
    std::string hash = "sha512";
    std::string type;  // of the innermost signature; the key's when empty
    std::uint8_t flags = 1;
    std::uint32_t counter = 7;
    bool high_s = false;
    std::string behind;  // what should not be there
};

/// Signs as ssh-keygen -Y sign does with a key in memory, also as a FIDO device would. Aborts on
/// any failure.
class SshSigner {
public:
    explicit SshSigner(crypto::SshKeyType type, std::string application = "ssh:");

    const crypto::SshPublicKey& key() const { return key_; }
    /// Armored.
    std::string sign(std::string_view message, std::string_view name_space,
                     const SshChoices& choices = {}) const;

private:
    bool is_p256() const { return key_.public_key().algorithm() == crypto::Algorithm::p256; }
    Bytes inner(ByteView data, bool high_s) const;

    SoftwareKey secret_;
    crypto::SshPublicKey key_;
};

/// The lines that ssh-keygen puts around a signature, and the base64 between them.
std::string armored_ssh(ByteView blob);
Bytes unarmored_ssh(std::string_view armored);

}  // namespace clawsigner::tests
