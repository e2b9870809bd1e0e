#include "claw/rotation_certificate.h"

#include "base/clock.h"
#include "claw/json_reader.h"
#include "claw/json_writer.h"
#include "crypto/key_forms.h"

#include <algorithm>

namespace clawsigner::claw {
namespace {

constexpr std::size_t kSignatureChars = 86;
constexpr std::size_t kMaxDid = 128;
constexpr std::size_t kMaxTime = 32;
constexpr std::size_t kMaxFraction = 9;

/// The members as they stand in the text; the keys are not looked at yet.
struct Members {
    std::string rotation_id;
    std::string old_did;
    std::string new_did;
    std::string issued_at;
    std::string reason;
    std::optional<std::string> metadata;
    std::string signature_old;
    std::string signature_new;
};

// RFC 8785 sorts members by name: the calls below stand in that order.
std::string text_of(const Members& members) {
    JsonWriter out;
    out.text("issued_at", members.issued_at);
    if (members.metadata) {
        out.raw("metadata", *members.metadata);
    }
    return out.text("new_did", members.new_did)
        .text("old_did", members.old_did)
        .text("reason", members.reason)
        .text("rotation_id", members.rotation_id)
        .text("rotation_version", "1")
        .text("signature_new_b64u", members.signature_new)
        .text("signature_old_b64u", members.signature_old)
        .done();
}

std::string unsigned_text(Members members) {
    members.signature_old.clear();
    members.signature_new.clear();
    return text_of(members);
}

/// RFC 3339 with 'Z', with or without a fraction of a second: others write it with none.
bool is_utc_time(std::string_view text) {
    constexpr std::size_t kWhole = 19;  // up to the seconds
    if (text.size() < kWhole + 1 || text.back() != 'Z') {
        return false;
    }
    const std::string_view fraction = text.substr(kWhole, text.size() - kWhole - 1);
    const bool digits = std::ranges::all_of(fraction.substr(fraction.empty() ? 0 : 1),
                                            [](char c) { return c >= '0' && c <= '9'; });
    const bool none_or_some = fraction.empty() || (fraction.front() == '.' && fraction.size() > 1);
    return digits && none_or_some && fraction.size() <= kMaxFraction + 1 &&
           base::parse_utc(std::string(text.substr(0, kWhole)) + ".000Z").ok();
}

std::optional<std::string> read_metadata(JsonReader& in) {
    const JsonValue* value = in.optional_object("metadata");
    if (value == nullptr) {
        return std::nullopt;
    }
    std::string text = canonical_json_text(*value);
    if (text.size() > kMaxRotationMetadata) {
        in.refuse("metadata", "must have at most 16384 bytes as canonical JSON");
    }
    return text;
}

/// All members but the signatures.
Members read_statement(JsonReader& in) {
    Members members;
    in.constant("rotation_version", "1");
    members.rotation_id = in.text("rotation_id", kMaxRotationId);
    members.old_did = in.text("old_did", kMaxDid);
    members.new_did = in.text("new_did", kMaxDid);
    members.issued_at = in.text("issued_at", kMaxTime);
    if (!is_utc_time(members.issued_at)) {
        in.refuse("issued_at", "must be a UTC time as 2026-01-31T12:34:56.789Z");
    }
    members.reason = in.text("reason", kMaxRotationReason);
    members.metadata = read_metadata(in);
    return members;
}

Result<Members> read_signed(const JsonValue& document) {
    JsonReader in(document, "");
    Members members = read_statement(in);
    members.signature_old = in.b64u("signature_old_b64u", kSignatureChars, kSignatureChars);
    members.signature_new = in.b64u("signature_new_b64u", kSignatureChars, kSignatureChars);
    CHECK_OK(in.finish());
    return members;
}

/// Are these bytes the one form of a certificate that is not signed yet?
Status check_unsigned(const std::string& text) {
    TRY(const JsonValue document, parse_json(text, JsonRules::javascript));
    JsonReader in(document, "");
    read_statement(in);
    in.constant("signature_old_b64u", "");
    in.constant("signature_new_b64u", "");
    CHECK_OK(in.finish());
    if (canonical_json_text(document) != text) {
        return Error::at("metadata", "must be an object as RFC 8785 prints it");
    }
    return Status::done();
}

Result<crypto::PublicKey> ed25519_of(std::string_view did, std::string_view name) {
    auto key = crypto::public_key_from_did(did);
    if (!key.ok() || key->algorithm() != crypto::Algorithm::ed25519) {
        return Error::at(std::string(name), "must be a did:key of an Ed25519 key");
    }
    return key;
}

bool signature_holds(const crypto::PublicKey& key, std::string_view message,
                     std::string_view b64u) {
    const auto signature = base::base64url_decode(b64u);
    return signature.ok() && key.verifies(base::as_bytes(message), *signature);
}

RotationVerdict refused(VerdictCode code, std::string message) {
    return {{code, std::move(message)}, {}};
}

RotationVerdict check_keys(const Members& members) {
    const auto old_key = ed25519_of(members.old_did, "old_did");
    const auto new_key = ed25519_of(members.new_did, "new_did");
    if (!old_key.ok() || !new_key.ok()) {
        return refused(VerdictCode::invalid_did_format,
                       (old_key.ok() ? new_key : old_key).error().message);
    }
    if (members.old_did == members.new_did) {
        return refused(VerdictCode::schema_validation_failed, "new_did must not be the old_did");
    }
    const std::string text = unsigned_text(members);
    if (!signature_holds(*old_key, text, members.signature_old)) {
        return refused(VerdictCode::signature_invalid, "signature_old_b64u is not the old key's");
    }
    if (!signature_holds(*new_key, text, members.signature_new)) {
        return refused(VerdictCode::signature_invalid, "signature_new_b64u is not the new key's");
    }
    return {{VerdictCode::valid, ""},
            RotationCertificate{members.rotation_id, *old_key, *new_key, members.issued_at,
                                members.reason, members.metadata}};
}

}  // namespace

Result<RotationBody> RotationBody::of(const RotationCertificate& certificate) {
    if (certificate.old_key.algorithm() != crypto::Algorithm::ed25519 ||
        certificate.new_key.algorithm() != crypto::Algorithm::ed25519) {
        return Error::at("old_did", "and new_did must be Ed25519 keys");
    }
    if (certificate.old_key == certificate.new_key) {
        return Error::at("new_did", "must not be the old_did");
    }
    std::string text = text_of({certificate.rotation_id, crypto::did_key(certificate.old_key),
                                crypto::did_key(certificate.new_key), certificate.issued_at,
                                certificate.reason, certificate.metadata, "", ""});
    CHECK_OK(check_unsigned(text));
    TRY(auto input, crypto::RotationInput::of(text));
    return RotationBody(std::move(text), std::move(input));
}

std::string RotationBody::signed_by(const crypto::Signature& old_key,
                                    const crypto::Signature& new_key) const {
    // Both signatures are the last members.
    constexpr std::string_view kEmpty = R"("signature_new_b64u":"","signature_old_b64u":""})";
    return text_.substr(0, text_.size() - kEmpty.size()) + R"("signature_new_b64u":")" +
           base::base64url_encode(new_key) + R"(","signature_old_b64u":")" +
           base::base64url_encode(old_key) + "\"}";
}

RotationVerdict verify_rotation_certificate(std::string_view text) {
    if (text.size() > kMaxRotationBytes) {
        return refused(VerdictCode::malformed_envelope, "is too long for a certificate");
    }
    const auto document = parse_json(text, JsonRules::javascript);
    if (!document.ok()) {
        return refused(VerdictCode::malformed_envelope, document.error().message);
    }
    const auto members = read_signed(*document);
    if (!members.ok()) {
        return refused(VerdictCode::schema_validation_failed, members.error().message);
    }
    return check_keys(*members);
}

}  // namespace clawsigner::claw
