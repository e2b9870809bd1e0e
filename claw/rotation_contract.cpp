#include "claw/rotation_contract.h"

#include "claw/json_writer.h"
#include "claw/published_keys.h"
#include "crypto/key_forms.h"

namespace clawsigner::claw {

std::string rotation_contract_text(const FamilyKeys& family, UnixMillis now,
                                   std::chrono::seconds overlap) {
    const auto keys = published_keys(family, now);
    const PublishedKids kids = published_kids(family, now);
    return JsonWriter()
        .text("contract_version", "2")
        .text("key_algorithm",
              keys.empty() ? std::string() : crypto::to_jwk(keys.front()->public_key).crv)
        .text("active_kid", kids.active_kid)
        .raw("accepted_kids", json_texts(kids.accepted_kids))
        .raw("signing_kids", json_texts(kids.signing_kids))
        .raw("verify_only_kids", json_texts(kids.verify_only_kids))
        .integer("overlap_seconds", overlap.count())
        .boolean("overlap_window_open", overlap.count() > 0 && keys.size() > 1)
        .raw("expiring_kids", expiring_kids_text(kids))
        .text("revocation_stream_endpoint", "")
        .text("jwks_endpoint", kJwksEndpoint)
        .done();
}

}  // namespace clawsigner::claw
