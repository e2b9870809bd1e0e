#include "service/lifecycle.h"

#include "claw/key_manifest.h"
#include "claw/rotation_certificate.h"
#include "crypto/key_forms.h"
#include "crypto/random.h"
#include "service/intent.h"

#include <algorithm>
#include <future>
#include <utility>

namespace clawsigner::service {
namespace {

using claw::FamilyKeys;
using claw::KeyRecord;
using claw::KeyState;
using crypto::Family;

std::string subject_of(const hsm::KeyName& key) {
    return std::string(crypto::family_name(key.family))
        .append("/")
        .append(std::to_string(key.version));
}

hsm::KeyName name_of(const KeyRecord& record) {
    return {record.family, record.version};
}

Result<KeyRecord*> find(Families& families, const hsm::KeyName& key) {
    auto& versions = families[key.family].versions;
    const auto found = std::ranges::find(versions, key.version, &KeyRecord::version);
    if (found == versions.end()) {
        return Error(ErrorCode::not_found,
                     "there is no key " + subject_of(key) + "; clawsigner keys list shows them");
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

/// An entry on its way to the disk, and what is done on the ledger's thread when it is there,
/// unless whoever waits has given up by then.
class Landing {
public:
    Landing(ledger::Entry entry, std::function<void()> take) : shared_(std::make_shared<Shared>()) {
        shared_->take = std::move(take);
        submission_ = std::make_shared<ledger::Submission>(std::vector{std::move(entry)},
                                                           [shared = shared_] { shared->land(); });
        shared_->submission = submission_.get();
    }

    Status wait(ledger::Log& log, Deadline deadline) {
        auto landed = shared_->landed.get_future();
        log.submit(submission_);
        if (landed.wait_until(deadline) == std::future_status::ready) {
            const ledger::Outcome& outcome = submission_->outcomes().front();
            return outcome.ok() ? Status::done() : Status(outcome.error());
        }
        submission_->abandon();
        const std::lock_guard lock(shared_->mutex);
        shared_->take = nullptr;
        given_up_ = submission_;
        return Error(ErrorCode::ledger_blocked, "the ledger's disk did not answer in time");
    }

    /// What was not answered in time, for as long as the ledger keeps it.
    std::weak_ptr<ledger::Submission> given_up() const { return given_up_; }

private:
    struct Shared {
        void land() {
            const std::lock_guard lock(mutex);
            if (take != nullptr && submission->outcomes().front().ok()) {
                take();
            }
            landed.set_value();
        }
        std::mutex mutex;
        std::function<void()> take;
        const ledger::Submission* submission = nullptr;
        std::promise<void> landed;
    };

    std::shared_ptr<Shared> shared_;
    std::shared_ptr<ledger::Submission> submission_;
    std::weak_ptr<ledger::Submission> given_up_;
};

}  // namespace

Lifecycle::Lifecycle(ledger::Log& log, hsm::Keyring& keyring, const Clock& clock, Options options)
    : log_(log), keyring_(keyring), clock_(clock), options_(std::move(options)) {}

Result<std::unique_ptr<Lifecycle>> Lifecycle::open(ledger::Log& log, hsm::Keyring& keyring,
                                                   const Clock& clock, Options options) {
    std::unique_ptr<Lifecycle> lifecycle(new Lifecycle(log, keyring, clock, std::move(options)));
    CHECK_OK(lifecycle->catch_up());
    lifecycle->tick();
    lifecycle->thread_ = std::thread([raw = lifecycle.get()] { raw->run(); });
    return lifecycle;
}

Lifecycle::~Lifecycle() {
    {
        const std::lock_guard lock(stop_mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

std::shared_ptr<const Families> Lifecycle::families() const {
    const std::lock_guard lock(mutex_);
    return families_;
}

std::optional<std::string> Lifecycle::row(const std::string& name) const {
    const auto found = other_rows_.find(name);
    return found == other_rows_.end() ? std::nullopt : std::optional(found->second);
}

/// One step at a time, from the state as it is on disk.
Result<Lifecycle::Turn> Lifecycle::turn() {
    Turn turn(acting_, std::defer_lock);
    if (!turn.try_lock_for(options_.deadline)) {
        return Error(ErrorCode::timeout, "another step is still under way; ask again");
    }
    CHECK_OK(catch_up());
    return turn;
}

/// The state as the log has it, when it is not what was read last.
Status Lifecycle::catch_up() {
    auto rows = log_.settings();
    if (rows == rows_) {
        return Status::done();
    }
    TRY(Families families, families_of(*rows));
    other_rows_.clear();
    for (const auto& [name, row] : *rows) {
        other_rows_[name] = row.value;
    }
    rows_ = std::move(rows);
    {
        const std::lock_guard lock(mutex_);
        families_ = std::make_shared<const Families>(std::move(families));
    }
    for (const Family family : crypto::kFamilies) {
        assign(family);
    }
    return Status::done();
}

Status Lifecycle::commit(const Doing& doing, const std::string& act, const std::string& subject,
                         Families next) {
    CHECK_OK(log_.ready());
    if (const auto given_up = given_up_.lock()) {
        return Error(ErrorCode::ledger_blocked,
                     "an earlier step may still go to the disk; ask again when it answers");
    }
    claw::ActLeaf leaf{act, subject, doing.caller, doing.why, doing.request, doing.rows};
    leaf.set.merge(rows_between(*families(), next));
    if (claw::leaf_text({clock_.now(), leaf}).size() > claw::kMaxLeafBytes) {
        return Error(ErrorCode::too_large, "this is more than one leaf of the log can say");
    }
    ledger::Entry entry;
    if (doing.artefact) {
        entry.items.push_back({*doing.artefact, std::nullopt});  // what spends its names is first
    }
    entry.items.push_back({leaf, std::nullopt});
    entry.documents = doing.documents;
    if (const auto manifest = manifest_of(next, clock_.now())) {
        entry.items.push_back({*manifest, std::nullopt});
    }
    Landing landing(std::move(entry), [&] { take(leaf.set, std::move(next)); });
    Status landed = landing.wait(log_, base::deadline_in(options_.deadline));
    if (!landed.ok()) {
        given_up_ = landing.given_up();
        return landed;
    }
    options_.on_act(leaf);
    return Status::done();
}

/// What is published of the keys from here on; nothing new, when nothing of them changed.
std::optional<claw::ManifestLeaf> Lifecycle::manifest_of(const Families& next,
                                                         UnixMillis now) const {
    const auto text = manifest_text(next, now);
    const bool same = text && manifest_text(*families(), now) == text;
    return text && !same ? std::optional(claw::ManifestLeaf{now, claw::key_manifest_digest(*text)})
                         : std::nullopt;
}

std::string Lifecycle::origin() const {
    return log_.setting("origin").value_or(options_.origin);
}

std::optional<std::string> Lifecycle::manifest_text(const Families& families,
                                                    UnixMillis time) const {
    const std::string origin = this->origin();
    if (origin.empty()) {
        return std::nullopt;
    }
    claw::KeyManifest manifest{origin, time, {}};
    for (const Family family : crypto::kFamilies) {
        const hsm::Custody custody = custody_of(family);
        manifest.families.push_back(
            claw::manifest_family(families.at(family), hsm::custody_name(custody)));
    }
    return claw::key_manifest_text(manifest);
}

hsm::Custody Lifecycle::custody_of(Family family) const {
    const auto home = keyring_.home(family);
    return home.ok() ? home->custody : hsm::Custody::pkcs11;
}

/// On the ledger's thread, before anybody whose signature came too late is told so: who then asks
/// again finds the new state.
void Lifecycle::take(const RowSet& rows, Families next) {
    for (const auto& [name, value] : rows) {
        if (value) {
            other_rows_[name] = *value;
        } else {
            other_rows_.erase(name);
        }
    }
    {
        const std::lock_guard lock(mutex_);
        families_ = std::make_shared<const Families>(std::move(next));
    }
    for (const Family family : crypto::kFamilies) {
        assign(family);
    }
}

Status Lifecycle::act(const Doing& doing, const std::string& act, const std::string& subject) {
    TRY(const auto lock, turn());
    return commit(doing, act, subject, *families());
}

/// A key in the store that the state does not name yet; said before it is made, so that a crash in
/// between leaves nothing that is taken for a key.
Result<KeyRecord> Lifecycle::make_key(const Doing& doing, Family family,
                                      crypto::Algorithm algorithm) {
    TRY(const std::uint32_t version, next_version(family));
    const hsm::KeyName name{family, version};
    Doing intent{doing.caller, doing.why, doing.request, {}};
    intent.rows[making_row_name(family)] = std::to_string(name.version);
    CHECK_OK(commit(intent, "keys.make", subject_of(name), *families()));
    auto made = keyring_.generate(name, algorithm);
    if (!made.ok() && made.error().code == ErrorCode::key_exists) {
        // Not ours: somebody else put a key of this name there meanwhile.
        Doing nothing;
        nothing.rows[making_row_name(family)] = std::nullopt;
        (void)commit(nothing, "keys.take_back", subject_of(name), *families());
    }
    if (!made.ok()) {
        return made.error();  // what is left of it is taken back at the next look
    }
    KeyRecord record{family,
                     name.version,
                     KeyState::pending,
                     made->public_key,
                     made->id.text(),
                     clock_.now(),
                     {},
                     {},
                     {},
                     {},
                     {},
                     {},
                     {},
                     {}};
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
    CHECK_OK(commit(whole, "keys.create", subject_of(name_of(record)), std::move(next)));
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
    const hsm::KeyName made = name_of(*keys.pending());
    if (auto certificate = certify(keys)) {
        whole.rows[certificate_row_name(family, made.version)] = *std::move(certificate);
    }
    if (plan.now) {
        CHECK_OK(prove(*keys.pending()));
        CHECK_OK(take_over(keys, clock_.now()));
    }
    CHECK_OK(commit(whole, "keys.rotate", subject_of(made), std::move(next)));
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
    return commit(doing, std::string("keys.").append(key_event_name(event)), subject_of(key),
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
    Doing intent = doing;
    intent.rows[ending_row_name(key.family, key.version)] = intent_text(doing);
    CHECK_OK(commit(intent, "keys.destroy", subject_of(key), *families()));
    CHECK_OK(finish_destroying({doing.caller, doing.why, doing.request, {}}, key));
    return *families()->at(key.family).version(key.version);
}

Status Lifecycle::finish_destroying(const Doing& doing, const hsm::KeyName& key) {
    Families next = *families();
    TRY(KeyRecord * record, find(next, key));
    if (record->id) {
        TRY(const auto id, hsm::KeyId::parse(*record->id));
        TRY(const auto home, keyring_.home(key.family));
        const bool was_there = holds(*home.backend->keys(), id);
        CHECK_OK(home.backend->destroy(id));
        record->proof = was_there ? hsm::destruction_proof(home.custody) : "absent";
    }
    CHECK_OK(apply(*record, KeyEvent::destroy));
    Doing whole = doing;
    whole.rows[ending_row_name(key.family, key.version)] = std::nullopt;
    return commit(whole, "keys.destroyed", subject_of(key), std::move(next));
}

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
    return good.ok() ? Status::done() : Status(good.error());
}

Result<KeyRecord> Lifecycle::adopt(const Doing& doing, Family family, const Adoption& adoption) {
    TRY(const auto lock, turn());
    CHECK_OK(tidy(family));
    TRY(const auto asked, adoptable(family, adoption));
    TRY(const auto new_signature,
        asked.active->sign(asked.body.input(), base::deadline_in(options_.deadline)));
    TRY(const std::uint32_t version, next_version(family));
    const UnixMillis now = clock_.now();
    KeyRecord record{family,
                     version,
                     KeyState::verify_only,
                     asked.old_key,
                     std::nullopt,
                     now,
                     {},
                     {},
                     {},
                     {},
                     {},
                     {},
                     {},
                     {}};
    record.active_until = now;
    record.not_after = now + adoption.overlap;
    Families next = *families();
    next[family].versions.push_back(record);
    Doing whole = doing;
    whole.rows[certificate_row_name(family, record.version)] =
        asked.body.signed_by(asked.old_signature, new_signature);
    CHECK_OK(commit(whole, "keys.adopt", subject_of(name_of(record)), std::move(next)));
    return record;
}

Status Lifecycle::keep_time(Family family, UnixMillis now) {
    const auto all = families();
    const FamilyKeys& keys = all->at(family);
    for (const KeyRecord& record : keys.versions) {
        if (record.state == KeyState::verify_only && record.not_after && *record.not_after < now) {
            CHECK_OK(step({}, name_of(record), KeyEvent::expire, [](KeyRecord&) {}));
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
    return commit({}, "keys.activate", subject_of(name_of(*pending)), std::move(next));
}

}  // namespace clawsigner::service
