#include "claw/published_keys.h"

#include "claw/json_writer.h"
#include "claw/jwks.h"
#include "crypto/key_forms.h"

#include <algorithm>
#include <iterator>
#include <ranges>

namespace clawsigner::claw {

std::vector<const KeyRecord*> published_keys(const FamilyKeys& family, UnixMillis now) {
    std::vector<const KeyRecord*> keys;
    for (const KeyRecord* key : {family.active(), family.pending()}) {
        if (key != nullptr) {
            keys.push_back(key);
        }
    }
    for (const KeyRecord& key : std::views::reverse(family.versions)) {
        if (key.state == KeyState::verify_only && is_published(key, now)) {
            keys.push_back(&key);
        }
    }
    return keys;
}

std::string published_jwks(const FamilyKeys& family, UnixMillis now) {
    std::vector<crypto::PublicKey> bare;
    for (const KeyRecord* key : published_keys(family, now)) {
        bare.push_back(key->public_key);
    }
    return jwks_text(bare);
}

PublishedKids published_kids(const FamilyKeys& family, UnixMillis now) {
    PublishedKids kids;
    for (const KeyRecord* key : published_keys(family, now)) {
        const std::string kid = crypto::kid(key->public_key);
        if (key->state == KeyState::active) {
            kids.active_kid = kid;
        }
        kids.accepted_kids.push_back(kid);
        (key->state == KeyState::verify_only ? kids.verify_only_kids : kids.signing_kids)
            .push_back(kid);
        if (key->not_after) {
            const auto seconds = std::chrono::floor<std::chrono::seconds>(*key->not_after);
            kids.expiring_kids.push_back({kid, seconds.time_since_epoch().count()});
        }
    }
    return kids;
}

std::string expiring_kids_text(const PublishedKids& kids) {
    return json_array_of(kids.expiring_kids, [](const ExpiringKid& key) {
        return JsonWriter()
            .text("kid", key.kid)
            .integer("not_after_unix", key.not_after_unix)
            .done();
    });
}

}  // namespace clawsigner::claw
