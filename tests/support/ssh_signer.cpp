#include "support/ssh_signer.h"

#include "base/handle.h"
#include "crypto/digest.h"
#include "crypto/ssh_wire.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <cstdlib>
#include <utility>

namespace clawsigner::tests {
namespace {

using crypto::SshKeyType;
using crypto::SshWriter;

constexpr std::string_view kBegin = "-----BEGIN SSH SIGNATURE-----\n";
constexpr std::string_view kEnd = "-----END SSH SIGNATURE-----\n";
constexpr std::size_t kLine = 70;

bool of_p256(SshKeyType type) {
    return type == SshKeyType::ecdsa_p256 || type == SshKeyType::sk_ecdsa_p256;
}

crypto::SshPublicKey ssh_key(SshKeyType type, const crypto::PublicKey& key,
                             const std::string& application) {
    SshWriter out;
    out.string(crypto::ssh_key_type_name(type));
    if (of_p256(type)) {
        out.string("nistp256").uint32(65).byte(4).bytes(key.x()).bytes(key.y());
    } else {
        out.string(key.raw());
    }
    if (type == SshKeyType::sk_ed25519 || type == SshKeyType::sk_ecdsa_p256) {
        out.string(application);
    }
    return crypto::SshPublicKey::from_blob(out.done()).value();
}

Bytes mpint(ByteView number) {
    while (!number.empty() && number.front() == 0) {
        number = number.subspan(1);
    }
    Bytes bytes(number.begin(), number.end());
    if (!bytes.empty() && bytes.front() >= 0x80) {
        bytes.insert(bytes.begin(), 0);
    }
    return bytes;
}

/// n - s in the place of s.
void use_high_s(crypto::Signature& signature) {
    const base::CPtr<EC_GROUP, EC_GROUP_free> group(
        EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
    const base::CPtr<BIGNUM, BN_free> s(BN_bin2bn(signature.data() + 32, 32, nullptr));
    const base::CPtr<BIGNUM, BN_free> other(BN_new());
    if (BN_sub(other.get(), EC_GROUP_get0_order(group.get()), s.get()) != 1 ||
        BN_bn2binpad(other.get(), signature.data() + 32, 32) != 32) {
        std::abort();
    }
}

Bytes hashed(const std::string& hash, std::string_view message) {
    if (hash == "sha256") {
        const auto digest = crypto::sha256(message);
        return {digest.begin(), digest.end()};
    }
    const auto digest = crypto::sha512(base::as_bytes(message));
    return {digest.begin(), digest.end()};
}

}  // namespace

SshSigner::SshSigner(SshKeyType type, std::string application)
    : secret_(SoftwareKey::random(of_p256(type) ? crypto::Algorithm::p256
                                                : crypto::Algorithm::ed25519)),
      key_(ssh_key(type, secret_.public_key(), application)) {}

Bytes SshSigner::inner(ByteView data, bool high_s) const {
    crypto::Signature signature = secret_.sign(data);
    if (!is_p256()) {
        return {signature.begin(), signature.end()};
    }
    if (high_s) {
        use_high_s(signature);
    }
    return SshWriter()
        .string(mpint(ByteView(signature).first(32)))
        .string(mpint(ByteView(signature).subspan(32)))
        .done();
}

std::string SshSigner::sign(std::string_view message, std::string_view name_space,
                            const SshChoices& choices) const {
    Bytes data = SshWriter()
                     .bytes("SSHSIG")
                     .string(name_space)
                     .string(choices.reserved)
                     .string(choices.hash)
                     .string(hashed(choices.hash, message))
                     .done();
    if (key_.is_sk()) {
        data = SshWriter()
                   .bytes(crypto::sha256(key_.application()))
                   .byte(choices.flags)
                   .uint32(choices.counter)
                   .bytes(crypto::sha256(data))
                   .done();
    }
    SshWriter proof;
    proof.string(choices.type.empty() ? crypto::ssh_key_type_name(key_.type()) : choices.type)
        .string(inner(data, choices.high_s));
    if (key_.is_sk()) {
        proof.byte(choices.flags).uint32(choices.counter);
    }
    return armored_ssh(SshWriter()
                           .bytes(choices.magic)
                           .uint32(choices.version)
                           .string(key_.blob())
                           .string(name_space)
                           .string(choices.reserved)
                           .string(choices.hash)
                           .string(proof.done())
                           .bytes(choices.behind)
                           .done());
}

std::string armored_ssh(ByteView blob) {
    const std::string base64 = base::base64_encode(blob);
    std::string text(kBegin);
    for (std::size_t at = 0; at < base64.size(); at += kLine) {
        text.append(base64, at, kLine).append("\n");
    }
    return text.append(kEnd);
}

Bytes unarmored_ssh(std::string_view armored) {
    std::string base64(armored.substr(kBegin.size(), armored.size() - kBegin.size() - kEnd.size()));
    std::erase(base64, '\n');
    return base::base64_decode(base64).value();
}

}  // namespace clawsigner::tests
