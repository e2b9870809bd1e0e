#include "service/adoption.h"

#include "claw/json_reader.h"
#include "claw/json_writer.h"

namespace clawsigner::service {
namespace {

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxText = 1024;
constexpr std::size_t kSignature = 86;  // characters of base64url

}  // namespace

std::string adoption_arguments(const AdoptionAsked& asked) {
    const Adoption& adoption = asked.adoption;
    return claw::JsonWriter()
        .text("family", crypto::family_name(asked.family))
        .text("issued_at", adoption.issued_at)
        .text("old_did", adoption.old_did)
        .integer("overlap_seconds", adoption.overlap.count())
        .text("reason", adoption.reason)
        .text("rotation_id", adoption.rotation_id)
        .text("signature_old_b64u", adoption.old_signature)
        .done();
}

Result<AdoptionAsked> parse_adoption(const std::string& text) {
    TRY(const claw::JsonValue document, claw::parse_json(text, claw::JsonRules::door));
    claw::JsonReader in(document, "");
    AdoptionAsked asked;
    asked.family = claw::read_family(in);
    asked.adoption.issued_at = in.text("issued_at", kMaxName);
    asked.adoption.old_did = in.text("old_did", kMaxText);
    asked.adoption.overlap =
        std::chrono::seconds(in.integer("overlap_seconds", 0, claw::kMaxOverlapSeconds));
    asked.adoption.reason = in.text("reason", kMaxText);
    asked.adoption.rotation_id = in.text("rotation_id", kMaxText);
    asked.adoption.old_signature = in.b64u("signature_old_b64u", kSignature, kSignature);
    CHECK_OK(in.finish());
    return asked;
}

}  // namespace clawsigner::service
