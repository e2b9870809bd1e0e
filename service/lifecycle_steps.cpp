#include "claw/rotation_certificate.h"
#include "crypto/random.h"
#include "service/intent.h"
#include "service/lifecycle.h"

#include <algorithm>
#include <utility>

/// The steps that a person or the clock may take with keys.
namespace clawsigner::service {
namespace {

using claw::FamilyKeys;
using claw::KeyRecord;
using claw::KeyState;
using crypto::Family;

Result<KeyRecord*> find(Families& families, const hsm::KeyName& key) {
    auto& versions = families[key.family].versions;
    const auto found = std::ranges::find(versions, key.version, &KeyRecord::version);
    if (found == versions.end()) {
        return Error(ErrorCode::not_found,
                     "there is no key " + key_subject(key) + "; clawsigner keys list shows them");
    }
    return &*found;
}

/// The pending key takes over.
Status take_over(FamilyKeys& keys, UnixMillis now) {
    KeyRecord* pending = nullptr;
    KeyRecord* active = nullptr;
    for (KeyRecord& record : keys.versions) {
        pending = record.state == KeyState::pending ? &record : pending;
        active = record.state == KeyState::active ? &record : active;
    }
    if (pending == nullptr) {
        return Error(ErrorCode::internal, "no key is pending");
    }
    const auto overlap = pending->overlap.value_or(std::chrono::seconds(0));
    if (active != nullptr) {
        CHECK_OK(apply(*active, KeyEvent::supersede));
        active->active_until = now;
        active->not_after = now + overlap;
    }
    CHECK_OK(apply(*pending, KeyEvent::activate));
    pending->active_since = now;
    pending->activate_at.reset();
    pending->overlap.reset();
    return Status::done();
}

}  // namespace

/// A key in the store that the state does not name yet; said before it is made, so that a crash in
/// between leaves nothing that is taken for a key.
Result<KeyRecord> Lifecycle::make_key(const Doing& doing, Family family,
                                      crypto::Algorithm algorithm) {
    TRY(const std::uint32_t version, next_version(family));
    const hsm::KeyName name{family, version};
    Doing intent{doing.caller, doing.why, doing.request, {}};
    intent.rows[making_row_name(family)] = std::to_string(name.version);
    CHECK_OK(commit(intent, "keys.make", key_subject(name), *families()));
    auto made = keyring_.generate(name, algorithm);
    if (!made.ok() && made.error().code == ErrorCode::key_exists) {
        // Not ours: somebody else put a key of this name there meanwhile.
        Doing nothing;
        nothing.rows[making_row_name(family)] = std::nullopt;
        (void)commit(nothing, "keys.take_back", key_subject(name), *families());
    }
    if (!made.ok()) {
        return made.error();  // what is left of it is taken back at the next look
    }
    auto record =
        KeyRecord::of(family, name.version, KeyState::pending, made->public_key, clock_.now());
    record.id = made->id.text();
    return record;
}

Result<KeyRecord> Lifecycle::create(const Doing& doing, Family family,
                                    crypto::Algorithm algorithm) {
    TRY(const auto lock, turn());
    CHECK_OK(tidy(family));
    const std::string name(crypto::family_name(family));
    if (!families()->at(family).versions.empty()) {
        return Error(ErrorCode::key_exists, name + " has a key already; clawsigner keys rotate " +
                                                name + " makes the next one");
    }
    if (const auto handle = unusable_object(family)) {
        return Error(ErrorCode::key_exists,
                     name +
                         " has a key that cannot be used; clawsigner keys list says why, and "
                         "clawsigner keys discard " +
                         *handle + " removes it");
    }
    TRY(KeyRecord record, make_key(doing, family, algorithm));
    CHECK_OK(apply(record, KeyEvent::activate));
    record.active_since = record.created;
    Families next = *families();
    next[family].versions.push_back(record);
    Doing whole = doing;
    whole.rows[making_row_name(family)] = std::nullopt;
    CHECK_OK(commit(whole, "keys.create", key_subject(key_name(record)), std::move(next)));
    return record;
}

bool Lifecycle::needs_recovery(Family family) const {
    const auto all = families();
    const FamilyKeys& keys = all->at(family);
    return keys.active() == nullptr && !keys.versions.empty();
}

Result<KeyRecord> Lifecycle::rotate(const Doing& doing, Family family, const RotationPlan& plan) {
    TRY(const auto lock, turn());
    CHECK_OK(tidy(family));
    const std::string name(crypto::family_name(family));
    Families next = *families();
    FamilyKeys& keys = next[family];
    if (keys.versions.empty()) {
        return Error(
            ErrorCode::key_missing,
            name + " has no key to follow; make the first: clawsigner keys create " + name);
    }
    if (keys.pending() != nullptr && !plan.now) {
        return Error(ErrorCode::rotation_pending,
                     name + " has a pending key already; clawsigner keys rotate " + name +
                         " --now lets it sign at once, clawsigner keys retire takes it back");
    }
    if (keys.active() == nullptr && !doing.request) {
        return Error(ErrorCode::approval_required,
                     name + " has no active key; its recovery is the operators' to approve");
    }
    Doing whole = doing;
    if (keys.pending() == nullptr) {
        const KeyRecord& last = keys.active() != nullptr ? *keys.active() : keys.versions.back();
        TRY(KeyRecord record, make_key(doing, family, last.public_key.algorithm()));
        record.activate_at =
            record.created + (plan.now ? std::chrono::seconds(0) : plan.activate_in);
        record.overlap = RotationPlan::kUsualOverlap;
        keys.versions.push_back(std::move(record));
        whole.rows[making_row_name(family)] = std::nullopt;
    }
    for (KeyRecord& record : keys.versions) {
        if (record.state == KeyState::pending && plan.overlap) {
            record.overlap = plan.overlap;
        }
    }
    const hsm::KeyName made = key_name(*keys.pending());
    if (auto certificate = certify(keys)) {
        whole.rows[certificate_row_name(family, made.version)] = *std::move(certificate);
    }
    if (plan.now) {
        CHECK_OK(prove(*keys.pending()));
        CHECK_OK(take_over(keys, clock_.now()));
    }
    CHECK_OK(commit(whole, "keys.rotate", key_subject(made), std::move(next)));
    return *families()->at(family).version(made.version);
}

/// The old key and the new one both say that the one takes the other's place. Only between Ed25519
/// keys that both sign: else there is none, and the manifest alone says so.
std::optional<std::string> Lifecycle::certify(const FamilyKeys& keys) const {
    if (keys.frozen || keys.active() == nullptr || keys.pending() == nullptr) {
        return std::nullopt;
    }
    const auto certificate = certificate_of(*keys.active(), *keys.pending());
    return certificate.ok() ? std::optional(*certificate) : std::nullopt;
}

Result<std::string> Lifecycle::certificate_of(const KeyRecord& old_record,
                                              const KeyRecord& new_record) const {
    TRY(auto id, crypto::uuid_v4());
    TRY(const auto body,
        claw::RotationBody::of({std::move(id), old_record.public_key, new_record.public_key,
                                base::format_utc(clock_.now()), "scheduled rotation"}));
    TRY(const auto old_id, hsm::KeyId::parse(old_record.id.value_or("")));
    TRY(const auto new_id, hsm::KeyId::parse(new_record.id.value_or("")));
    TRY(const auto old_key, keyring_.key(old_record.family, {old_id, old_record.public_key}));
    TRY(const auto new_key, keyring_.key(new_record.family, {new_id, new_record.public_key}));
    const Deadline deadline = base::deadline_in(options_.deadline);
    TRY(const auto old_signature, old_key->sign(body.input(), deadline));
    TRY(const auto new_signature, new_key->sign(body.input(), deadline));
    return body.signed_by(old_signature, new_signature);
}

/// It is in its store as the state names it, and signs verifiably.
Status Lifecycle::prove(const KeyRecord& record) const {
    TRY(const auto id, hsm::KeyId::parse(record.id.value_or("")));
    TRY(const auto key, keyring_.key(record.family, {id, record.public_key}));
    return key->probe(base::deadline_in(options_.deadline));
}

Status Lifecycle::set_frozen(const Doing& doing, Family family, bool frozen) {
    TRY(const auto lock, turn());
    Families next = *families();
    if (next[family].frozen == frozen) {
        return Error(ErrorCode::illegal_transition,
                     std::string(crypto::family_name(family)) +
                         (frozen ? " is frozen already" : " is not frozen"));
    }
    next[family].frozen = frozen;
    return commit(doing, frozen ? "keys.freeze" : "keys.unfreeze",
                  std::string(crypto::family_name(family)), std::move(next));
}

Status Lifecycle::freeze(const Doing& doing, Family family) {
    return set_frozen(doing, family, true);
}

Status Lifecycle::unfreeze(const Doing& doing, Family family) {
    return set_frozen(doing, family, false);
}

Status Lifecycle::may(const hsm::KeyName& key, KeyEvent event) const {
    Families copy = *families();
    TRY(KeyRecord * record, find(copy, key));
    return apply(*record, event);
}

Status Lifecycle::step(const Doing& doing, const hsm::KeyName& key, KeyEvent event,
                       const std::function<void(KeyRecord&)>& also) {
    Families next = *families();
    TRY(KeyRecord * record, find(next, key));
    CHECK_OK(apply(*record, event));
    also(*record);
    return commit(doing, std::string("keys.").append(key_event_name(event)), key_subject(key),
                  std::move(next));
}

Result<KeyRecord> Lifecycle::retire(const Doing& doing, const hsm::KeyName& key) {
    TRY(const auto lock, turn());
    CHECK_OK(step(doing, key, KeyEvent::retire, [](KeyRecord& record) {
        record.activate_at.reset();
        record.overlap.reset();
    }));
    return *families()->at(key.family).version(key.version);
}

Result<KeyRecord> Lifecycle::compromise(const Doing& doing, const hsm::KeyName& key,
                                        std::optional<UnixMillis> since,
                                        std::optional<std::uint64_t> leaf) {
    TRY(const auto lock, turn());
    const UnixMillis now = clock_.now();
    if (since && *since > now) {
        return Error::at("since", "must not lie in the future");
    }
    if (leaf && *leaf > log_.head()->size()) {
        return Error::at("leaf", "must be a leaf of the log, or the number of the next");
    }
    CHECK_OK(step(doing, key, KeyEvent::compromise, [&](KeyRecord& record) {
        record.compromised_since = since || leaf ? since : std::optional(now);
        record.compromised_leaf = leaf;
        record.active_until =
            record.active_since && !record.active_until ? std::optional(now) : record.active_until;
        record.activate_at.reset();
        record.overlap.reset();
    }));
    return *families()->at(key.family).version(key.version);
}

Result<KeyRecord> Lifecycle::destroy(const Doing& doing, const hsm::KeyName& key) {
    TRY(const auto lock, turn());
    CHECK_OK(may(key, KeyEvent::destroy));
    const Intent intent{{doing.caller, doing.why, doing.request, {}}, is_held(key)};
    Doing begun = doing;
    begun.rows[ending_row_name(key.family, key.version)] = intent_text(intent);
    CHECK_OK(commit(begun, "keys.destroy", key_subject(key), *families()));
    CHECK_OK(finish_destroying(intent, key));
    return *families()->at(key.family).version(key.version);
}

/// Does the store show it?
bool Lifecycle::is_held(const hsm::KeyName& key) const {
    const auto all = families();
    const KeyRecord* record = all->at(key.family).version(key.version);
    const auto id = record == nullptr ? Result<hsm::KeyId>(Error())
                                      : hsm::KeyId::parse(record->id.value_or(""));
    const auto home = keyring_.home(key.family);
    return id.ok() && home.ok() && holds(*home->backend->keys(), *id);
}

Status Lifecycle::finish_destroying(const Intent& intent, const hsm::KeyName& key) {
    CHECK_OK(log_.ready());
    Families next = *families();
    TRY(KeyRecord * record, find(next, key));
    if (record->id) {
        TRY(const auto id, hsm::KeyId::parse(*record->id));
        TRY(const auto home, keyring_.home(key.family));
        // It may be gone because it was destroyed, by a start before this one.
        const bool was_there = intent.held || holds(*home.backend->keys(), id);
        CHECK_OK(home.backend->destroy(id));
        record->proof = was_there ? hsm::destruction_proof(home.custody) : "absent";
    }
    CHECK_OK(apply(*record, KeyEvent::destroy));
    Doing whole = intent.doing;
    whole.rows[ending_row_name(key.family, key.version)] = std::nullopt;
    return commit(whole, "keys.destroyed", key_subject(key), std::move(next));
}

Status Lifecycle::keep_time(Family family, UnixMillis now) {
    const auto all = families();
    const FamilyKeys& keys = all->at(family);
    for (const KeyRecord& record : keys.versions) {
        if (record.state == KeyState::verify_only && record.not_after && *record.not_after < now) {
            CHECK_OK(step({}, key_name(record), KeyEvent::expire, [](KeyRecord&) {}));
        }
    }
    const KeyRecord* pending = keys.pending();
    // Without a key to follow this is a recovery, which a clock does not decide.
    if (pending == nullptr || keys.active() == nullptr || !pending->activate_at ||
        *pending->activate_at > now) {
        return Status::done();
    }
    CHECK_OK(log_.ready());
    CHECK_OK(prove(*pending));
    Families next = *families();
    CHECK_OK(take_over(next[family], now));
    return commit({}, "keys.activate", key_subject(key_name(*pending)), std::move(next));
}

}  // namespace clawsigner::service
