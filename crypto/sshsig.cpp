#include "crypto/sshsig.h"

#include "crypto/digest.h"
#include "crypto/ssh_wire.h"

#include <algorithm>

namespace clawsigner::crypto {
namespace {

constexpr std::string_view kBegin = "-----BEGIN SSH SIGNATURE-----\n";
constexpr std::string_view kEnd = "\n-----END SSH SIGNATURE-----";
constexpr std::string_view kMagic = "SSHSIG";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMaxNamespace = 128;
constexpr std::size_t kMaxWord = 64;
constexpr std::uint8_t kUserPresent = 0x01;

Error unreadable(std::string_view why) {
    return Error(ErrorCode::invalid_field, std::string(why));
}

Result<Bytes> unarmored(std::string_view text) {
    if (text.size() > kMaxArmoredSignature) {
        return unreadable("is longer than 8192 bytes");
    }
    if (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    if (!text.starts_with(kBegin) || !text.ends_with(kEnd) ||
        text.size() < kBegin.size() + kEnd.size()) {
        return unreadable("does not stand between the lines that begin and end an SSH signature");
    }
    text.remove_prefix(kBegin.size());
    text.remove_suffix(kEnd.size());
    if (text.empty() || text.starts_with('\n') || text.ends_with('\n') ||
        text.find("\n\n") != std::string_view::npos) {
        return unreadable("has an empty line");
    }
    std::string base64(text);
    std::erase(base64, '\n');
    return base::base64_decode(base64);
}

Status read_preamble(SshReader& in) {
    TRY(const ByteView magic, in.bytes(kMagic.size()));
    TRY(const std::uint32_t version, in.uint32());
    if (!std::ranges::equal(magic, base::as_bytes(kMagic)) || version != kVersion) {
        return unreadable("is not an SSH signature of version 1");
    }
    return Status::done();
}

Result<Signature> read_p256(ByteView bytes) {
    SshReader in(bytes);
    TRY(const auto r, in.mpint256());
    TRY(const auto s, in.mpint256());
    CHECK_OK(in.end());
    Signature signature{};
    std::ranges::copy(r, signature.begin());
    std::ranges::copy(s, signature.begin() + 32);
    use_low_s(signature);
    return signature;
}

Result<Signature> read_ed25519(ByteView bytes) {
    Signature signature{};
    if (bytes.size() != signature.size()) {
        return unreadable("has an Ed25519 signature that is not 64 bytes long");
    }
    std::ranges::copy(bytes, signature.begin());
    return signature;
}

}  // namespace

Result<SshSignature::Hash> SshSignature::hash_of(std::string_view name) {
    if (name == "sha256") {
        return Hash::sha256;
    }
    if (name == "sha512") {
        return Hash::sha512;
    }
    return unreadable("hashes the message with neither sha256 nor sha512");
}

Result<SshSignature::Proof> SshSignature::read_proof(const SshPublicKey& key, ByteView bytes) {
    SshReader in(bytes);
    TRY(const std::string_view type, in.text(kMaxWord));
    if (type != ssh_key_type_name(key.type())) {
        return unreadable("is of another type than its key");
    }
    TRY(const ByteView inner, in.string(kMaxArmoredSignature));
    Proof proof;
    const bool p256 = key.public_key().algorithm() == Algorithm::p256;
    TRY(proof.signature, p256 ? read_p256(inner) : read_ed25519(inner));
    if (key.is_sk()) {
        TRY(proof.flags, in.byte());
        TRY(proof.counter, in.uint32());
    }
    CHECK_OK(in.end());
    return proof;
}

Result<SshSignature> SshSignature::parse(std::string_view armored) {
    TRY(const Bytes bytes, unarmored(armored));
    SshReader in(bytes);
    CHECK_OK(read_preamble(in));
    TRY(const ByteView blob, in.string(kMaxArmoredSignature));
    TRY(SshPublicKey key, SshPublicKey::from_blob(blob));
    TRY(const std::string_view name_space, in.text(kMaxNamespace));
    TRY(const ByteView reserved, in.string(kMaxArmoredSignature));
    TRY(const std::string_view hash_name, in.text(kMaxWord));
    TRY(const ByteView proof_bytes, in.string(kMaxArmoredSignature));
    CHECK_OK(in.end());
    if (name_space.empty()) {
        return unreadable("is made for no namespace");
    }
    if (!reserved.empty()) {
        return unreadable("has something in its reserved field, which is not understood");
    }
    TRY(const Hash hash, hash_of(hash_name));
    TRY(const Proof proof, read_proof(key, proof_bytes));
    return SshSignature(std::move(key), std::string(name_space), hash, proof);
}

bool SshSignature::lacks_user_presence() const noexcept {
    return key_.is_sk() && (proof_.flags & kUserPresent) == 0;
}

/// PROTOCOL.sshsig section 3.
Bytes SshSignature::signed_by_host(ByteView message) const {
    SshWriter out;
    out.bytes(kMagic).string(name_space_).string("");
    if (hash_ == Hash::sha256) {
        return out.string("sha256").string(sha256(message)).done();
    }
    return out.string("sha512").string(sha512(message)).done();
}

/// PROTOCOL.u2f, "SSH U2F signatures"; no extensions are defined.
Bytes SshSignature::signed_by_device(ByteView data) const {
    return SshWriter()
        .bytes(sha256(key_.application()))
        .byte(proof_.flags)
        .uint32(proof_.counter)
        .bytes(sha256(data))
        .done();
}

bool SshSignature::verifies(ByteView message, std::string_view name_space) const {
    if (name_space != name_space_ || lacks_user_presence()) {
        return false;
    }
    const Bytes data = signed_by_host(message);
    return key_.public_key().verifies(key_.is_sk() ? signed_by_device(data) : data,
                                      proof_.signature);
}

}  // namespace clawsigner::crypto
