#include "crypto/ssh_key.h"

#include "crypto/digest.h"
#include "crypto/ssh_wire.h"

#include <algorithm>
#include <array>
#include <optional>

namespace clawsigner::crypto {
namespace {

constexpr std::size_t kMaxTypeName = 64;
constexpr std::size_t kMaxPoint = 65;
constexpr std::size_t kMaxApplication = 128;
constexpr std::uint8_t kUncompressed = 4;
constexpr std::string_view kCurve = "nistp256";

constexpr std::array<std::pair<SshKeyType, std::string_view>, 4> kTypes{{
    {SshKeyType::ed25519, "ssh-ed25519"},
    {SshKeyType::ecdsa_p256, "ecdsa-sha2-nistp256"},
    {SshKeyType::sk_ed25519, "sk-ssh-ed25519@openssh.com"},
    {SshKeyType::sk_ecdsa_p256, "sk-ecdsa-sha2-nistp256@openssh.com"},
}};

/// Types that others accept. They are named when they are refused; a stranger's word is not.
constexpr std::array<std::string_view, 4> kRefused{"ssh-rsa", "ssh-dss", "ecdsa-sha2-nistp384",
                                                   "ecdsa-sha2-nistp521"};

Error no_key(std::string_view why) {
    return Error(ErrorCode::invalid_field, std::string(why));
}

Result<SshKeyType> type_of(std::string_view name) {
    const auto* const found =
        std::ranges::find(kTypes, name, &decltype(kTypes)::value_type::second);
    if (found != kTypes.end()) {
        return found->first;
    }
    if (name.ends_with("-cert-v01@openssh.com")) {
        return no_key("is an SSH certificate; only a plain public key is accepted");
    }
    const bool known = std::ranges::find(kRefused, name) != kRefused.end();
    std::string why("is an SSH key of ");
    why.append(known ? std::string("type ").append(name) : "an unknown type");
    return no_key(
        why.append("; accepted are ssh-ed25519, ecdsa-sha2-nistp256 and a FIDO device's "
                   "kinds of both"));
}

Result<PublicKey> read_p256(SshReader& in) {
    TRY(const std::string_view curve, in.text(kCurve.size()));
    TRY(const ByteView point, in.string(kMaxPoint));
    if (curve != kCurve) {
        return no_key("is an SSH key of another curve than its type says");
    }
    // OpenSSH takes no other encoding of a point, and a key shall have one blob.
    if (point.empty() || point.front() != kUncompressed) {
        return no_key("is an SSH key whose point is not uncompressed");
    }
    return PublicKey::p256(point);
}

Result<PublicKey> read_ed25519(SshReader& in) {
    TRY(const ByteView raw, in.string(kMaxPoint));
    return PublicKey::ed25519(raw);
}

Result<std::string> read_application(SshReader& in) {
    TRY(const std::string_view application, in.text(kMaxApplication));
    if (application.empty() ||
        !std::ranges::all_of(application, [](char c) { return c > ' ' && c <= '~'; })) {
        return no_key("is an SSH key for an application whose name is empty or not plain ASCII");
    }
    return std::string(application);
}

}  // namespace

std::string_view ssh_key_type_name(SshKeyType type) noexcept {
    return std::ranges::find(kTypes, type, &decltype(kTypes)::value_type::first)->second;
}

Result<SshPublicKey> SshPublicKey::from_blob(ByteView blob) {
    SshReader in(blob);
    TRY(const std::string_view name, in.text(kMaxTypeName));
    TRY(const SshKeyType type, type_of(name));
    const bool p256 = type == SshKeyType::ecdsa_p256 || type == SshKeyType::sk_ecdsa_p256;
    const bool sk = type == SshKeyType::sk_ed25519 || type == SshKeyType::sk_ecdsa_p256;
    TRY(PublicKey public_key, p256 ? read_p256(in) : read_ed25519(in));
    std::string application;
    if (sk) {
        TRY(application, read_application(in));
    }
    CHECK_OK(in.end());
    return SshPublicKey(type, std::move(public_key), std::move(application),
                        Bytes(blob.begin(), blob.end()));
}

Result<SshPublicKey> SshPublicKey::parse(std::string_view text) {
    const std::size_t space = text.find(' ');
    TRY(const SshKeyType type, type_of(text.substr(0, space)));
    if (text.size() > kMaxSshKeyText || space == std::string_view::npos) {
        return no_key("is not an SSH public key: its type, a space and base64");
    }
    TRY(const Bytes blob, base::base64_decode(text.substr(space + 1)));
    TRY(SshPublicKey key, from_blob(blob));
    if (key.type() != type) {
        return no_key("is an SSH key of another type than it says");
    }
    return key;
}

std::string SshPublicKey::text() const {
    std::string text(ssh_key_type_name(type_));
    return text.append(" ").append(base::base64_encode(blob_));
}

std::string SshPublicKey::fingerprint() const {
    std::string digest = base::base64_encode(sha256(blob_));
    digest.pop_back();  // 32 bytes are padded by one character, which OpenSSH leaves out
    return "SHA256:" + digest;
}

}  // namespace clawsigner::crypto
