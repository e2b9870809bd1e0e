#include "claw/json.h"
#include "claw/rotation_certificate.h"
#include "fuzz/fuzz.h"

namespace clawsigner::fuzz {
namespace {

/// What is made of these members as a rotation of two known keys is canonical, whatever they are.
void make(const claw::JsonValue& document) {
    const auto* object = document.if_object();
    const auto* reason = object == nullptr ? nullptr : object->if_contains("reason");
    const auto* metadata = object == nullptr ? nullptr : object->if_contains("metadata");
    if (reason == nullptr || !reason->is_string()) {
        return;
    }
    static const auto old_key =
        crypto::PublicKey::ed25519(
            base::hex_decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
                .value())
            .value();
    static const auto new_key = crypto::PublicKey::ed25519(Bytes(32, 0x58)).value();
    claw::RotationCertificate certificate{"rot_1", old_key, new_key, "2026-03-01T12:00:00.007Z",
                                          std::string(reason->get_string())};
    if (metadata != nullptr) {
        certificate.metadata = claw::json_text(*metadata);
    }
    if (const auto body = claw::RotationBody::of(certificate); body.ok()) {
        const auto again = claw::parse_json(body->text(), claw::JsonRules::javascript);
        require(again.ok() && claw::canonical_json_text(*again) == body->text());
        const auto verdict = claw::verify_rotation_certificate(body->signed_by({}, {}));
        require(verdict.verdict.code == claw::VerdictCode::signature_invalid);
    }
}

}  // namespace

void fuzz(std::span<const std::uint8_t> input) {
    const std::string_view text = as_text(input);
    const auto found = claw::verify_rotation_certificate(text);
    require(found.certificate.has_value() == found.verdict.valid());
    if (found.certificate) {
        require(claw::RotationBody::of(*found.certificate).ok());
    }
    if (const auto document = claw::parse_json(text, claw::JsonRules::javascript); document.ok()) {
        make(*document);
    }
}

}  // namespace clawsigner::fuzz
