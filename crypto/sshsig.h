#pragma once

#include "base/encoding.h"
#include "base/result.h"
#include "crypto/public_key.h"
#include "crypto/ssh_key.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace clawsigner::crypto {

inline constexpr std::size_t kMaxArmoredSignature = 8192;

/// A signature as `ssh-keygen -Y sign` makes it (OpenSSH's PROTOCOL.sshsig), by a key that
/// SshPublicKey accepts. Reading one says nothing about it: only verifies does, and whether the key
/// is anybody's is for the caller to know. Immutable; any thread.
class SshSignature {
public:
    /// The armored form, at most kMaxArmoredSignature bytes, with or without a newline at its end
    /// and nothing else around it. Stricter than OpenSSH: a `reserved` field that is not empty is
    /// refused (it is signed, and nobody here knows what it says), as are numbers with leading
    /// zeros. Errors: invalid_field without a field name.
    static Result<SshSignature> parse(std::string_view armored);

    /// By whom it says it is.
    const SshPublicKey& key() const noexcept { return key_; }
    /// What it says it was made for; 1 to 128 bytes.
    const std::string& name_space() const noexcept { return name_space_; }
    /// Is it of a FIDO device that nobody touched for it (PROTOCOL.u2f, flag 0x01)? Its other
    /// flags are signed and not looked at.
    bool lacks_user_presence() const noexcept;

    /// Is it key()'s over `message`, made for exactly `name_space`, and by a FIDO device's key only
    /// when it was touched? Of ECDSA's two signatures either holds, as OpenSSH makes both: it is no
    /// name for anything.
    bool verifies(ByteView message, std::string_view name_space) const;

private:
    enum class Hash : std::uint8_t { sha256, sha512 };
    /// The innermost signature, with what a FIDO device adds to it.
    struct Proof {
        Signature signature{};
        std::uint8_t flags = 0;
        std::uint32_t counter = 0;
    };

    SshSignature(SshPublicKey key, std::string name_space, Hash hash, const Proof& proof)
        : key_(std::move(key)), name_space_(std::move(name_space)), hash_(hash), proof_(proof) {}

    static Result<Hash> hash_of(std::string_view name);
    static Result<Proof> read_proof(const SshPublicKey& key, ByteView bytes);
    Bytes signed_by_host(ByteView message) const;
    Bytes signed_by_device(ByteView data) const;

    SshPublicKey key_;
    std::string name_space_;
    Hash hash_;
    Proof proof_;
};

}  // namespace clawsigner::crypto
