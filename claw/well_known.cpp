#include "claw/well_known.h"

#include "claw/json_writer.h"
#include "claw/published_keys.h"
#include "crypto/key_forms.h"

namespace clawsigner::claw {
namespace {

std::string key_text(const KeyRecord& key) {
    JsonWriter out;
    out.text("kid", crypto::kid(key.public_key)).text("did", crypto::did_key(key.public_key));
    if (key.public_key.algorithm() == crypto::Algorithm::ed25519) {
        out.text("algorithm", "Ed25519");
    }
    out.text("use", "receipt-signing");
    return out.optional_time("expires_at", key.not_after).done();
}

}  // namespace

std::string well_known_text(const FamilyKeys& receipts, UnixMillis now) {
    return JsonWriter()
        .text("version", "1")
        .raw("supported_receipt_types", R"(["gateway"])")
        .raw("public_keys", json_array_of(published_keys(receipts, now),
                                          [](const KeyRecord* key) { return key_text(*key); }))
        .done();
}

}  // namespace clawsigner::claw
