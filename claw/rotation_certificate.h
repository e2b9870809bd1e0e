#pragma once

#include "base/result.h"
#include "claw/verdict.h"
#include "crypto/public_key.h"
#include "crypto/signing_input.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// The ecosystem's did_rotation certificate, version 1: an old key and a new one both say that the
/// one takes the other's place. Only Ed25519 keys can, since its verifiers know no other. It has no
/// end and cannot be revoked, and allow-lists do not follow it.
namespace clawsigner::claw {

inline constexpr std::size_t kMaxRotationBytes = 65'536;
inline constexpr std::size_t kMaxRotationId = 128;
inline constexpr std::size_t kMaxRotationReason = 256;
inline constexpr std::size_t kMaxRotationMetadata = 16'384;

struct RotationCertificate {
    std::string rotation_id;  // not blank, kMaxRotationId bytes
    crypto::PublicKey old_key;
    crypto::PublicKey new_key;
    std::string issued_at;  // RFC 3339 in UTC, such as base::format_utc gives
    std::string reason;     // not blank, kMaxRotationReason bytes
    /// A JSON object; kMaxRotationMetadata bytes of RFC 8785.
    std::optional<std::string> metadata = std::nullopt;
};

/// A certificate on its way to be signed.
class RotationBody {
public:
    /// Error: invalid_field or malformed_json, when a member is not as above, a key is not Ed25519,
    /// or both are one.
    static Result<RotationBody> of(const RotationCertificate& certificate);

    /// What both keys sign: the canonical JSON (RFC 8785) of the certificate with both signatures
    /// empty.
    const std::string& text() const noexcept { return text_; }
    const crypto::RotationInput& input() const noexcept { return input_; }

    /// The certificate, canonical JSON itself.
    std::string signed_by(const crypto::Signature& old_key, const crypto::Signature& new_key) const;

private:
    RotationBody(std::string text, crypto::RotationInput input)
        : text_(std::move(text)), input_(std::move(input)) {}

    std::string text_;
    crypto::RotationInput input_;
};

struct RotationVerdict {
    Verdict verdict;
    std::optional<RotationCertificate> certificate;  // present exactly when valid
};

/// Is this text a certificate that both of its keys signed? It may have at most kMaxRotationBytes
/// and any layout. Checks what the ecosystem's verifier checks, and beyond: base64url has one
/// spelling, no member may be doubled, and the bounds above hold. Whether the old key is one to be
/// trusted is the caller's to say. Codes: malformed_envelope, schema_validation_failed,
/// invalid_did_format, signature_invalid.
RotationVerdict verify_rotation_certificate(std::string_view text);

}  // namespace clawsigner::claw
