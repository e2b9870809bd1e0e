#pragma once

#include "base/encoding.h"
#include "base/result.h"
#include "crypto/public_key.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace clawsigner::crypto {

/// The longest that OpenSSH's text of a key accepted here can be, with room to spare.
inline constexpr std::size_t kMaxSshKeyText = 512;

enum class SshKeyType : std::uint8_t {
    ed25519,        // RFC 8709
    ecdsa_p256,     // RFC 5656
    sk_ed25519,     // OpenSSH's PROTOCOL.u2f: the key of a FIDO device
    sk_ecdsa_p256,  // likewise
};

/// "ssh-ed25519", "sk-ecdsa-sha2-nistp256@openssh.com", … Static storage.
std::string_view ssh_key_type_name(SshKeyType type) noexcept;

/// A person's public key as OpenSSH has it, of one of the four types above. It has one blob and one
/// text, so that two are equal exactly when their texts are. Immutable; any thread.
class SshPublicKey {
public:
    /// The blob is the key's encoding on the wire: RFC 8709 section 4, RFC 5656 section 3.1 with an
    /// uncompressed point, PROTOCOL.u2f. Errors: invalid_field without a field name; for a
    /// certificate and a type that others accept it names what was found.
    static Result<SshPublicKey> from_blob(ByteView blob);
    /// "TYPE BASE64", one space between them and no comment behind. Errors: as from_blob.
    static Result<SshPublicKey> parse(std::string_view text);

    SshKeyType type() const noexcept { return type_; }
    /// Is it a FIDO device's?
    bool is_sk() const noexcept {
        return type_ == SshKeyType::sk_ed25519 || type_ == SshKeyType::sk_ecdsa_p256;
    }
    const PublicKey& public_key() const noexcept { return public_key_; }
    /// What a FIDO device's key was made for, usually "ssh:"; 1 to 128 visible ASCII characters.
    /// Empty for the other types.
    const std::string& application() const noexcept { return application_; }
    ByteView blob() const noexcept { return blob_; }

    /// What parse takes.
    std::string text() const;
    /// As `ssh-keygen -l` prints it: "SHA256:" and 43 characters of base64.
    std::string fingerprint() const;

    friend bool operator==(const SshPublicKey& a, const SshPublicKey& b) noexcept {
        return a.blob_ == b.blob_;
    }

private:
    SshPublicKey(SshKeyType type, PublicKey public_key, std::string application, Bytes blob)
        : type_(type),
          public_key_(std::move(public_key)),
          application_(std::move(application)),
          blob_(std::move(blob)) {}

    SshKeyType type_;
    PublicKey public_key_;
    std::string application_;
    Bytes blob_;
};

}  // namespace clawsigner::crypto
