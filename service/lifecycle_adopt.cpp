#include "claw/rotation_certificate.h"
#include "crypto/key_forms.h"
#include "service/lifecycle.h"

#include <algorithm>
#include <utility>

/// How a key that was made elsewhere becomes a past version of a family.
namespace clawsigner::service {
namespace {

using claw::KeyRecord;
using claw::KeyState;
using crypto::Family;

}  // namespace

/// A certificate that lacks the active key's signature only.
struct Lifecycle::Adoptable {
    crypto::PublicKey old_key;
    std::shared_ptr<const hsm::ActiveKey> active;
    claw::RotationBody body;
    crypto::Signature old_signature;
};

Result<Lifecycle::Adoptable> Lifecycle::adoptable(Family family, const Adoption& adoption) const {
    auto old_key = crypto::public_key_from_did(adoption.old_did);
    if (!old_key.ok()) {
        return Error::at("old_did", "must be the did:key of the key that is given up");
    }
    const auto all = families();
    if (std::ranges::find(all->at(family).versions, *old_key, &KeyRecord::public_key) !=
        all->at(family).versions.end()) {
        return Error(ErrorCode::key_exists, "this key is one of the family's already");
    }
    TRY(auto active, keyring_.active(family));
    TRY(auto body, claw::RotationBody::of({adoption.rotation_id, *old_key, active->identity().key,
                                           adoption.issued_at, adoption.reason}));
    TRY(const Bytes given, base::base64url_decode(adoption.old_signature));
    crypto::Signature old_signature{};
    if (given.size() != old_signature.size() || !old_key->verifies(body.input().bytes(), given)) {
        return Error::at("signature_old_b64u",
                         "must be the old key's signature of this rotation certificate");
    }
    std::ranges::copy(given, old_signature.begin());
    return Adoptable{*std::move(old_key), std::move(active), std::move(body), old_signature};
}

Status Lifecycle::may_adopt(Family family, const Adoption& adoption) const {
    const auto good = adoptable(family, adoption);
    return good.status();
}

Result<KeyRecord> Lifecycle::adopt(const Doing& doing, Family family, const Adoption& adoption) {
    TRY(const auto lock, turn());
    CHECK_OK(tidy(family));
    TRY(const auto asked, adoptable(family, adoption));
    TRY(const auto new_signature,
        asked.active->sign(asked.body.input(), base::deadline_in(options_.deadline)));
    TRY(const std::uint32_t version, next_version(family));
    const UnixMillis now = clock_.now();
    auto record = KeyRecord::of(family, version, KeyState::verify_only, asked.old_key, now);
    record.active_until = now;
    record.not_after = now + adoption.overlap;
    Families next = *families();
    next[family].versions.push_back(record);
    Doing whole = doing;
    whole.rows[certificate_row_name(family, record.version)] =
        asked.body.signed_by(asked.old_signature, new_signature);
    CHECK_OK(commit(whole, "keys.adopt", key_subject(key_name(record)), std::move(next)));
    return record;
}

}  // namespace clawsigner::service
