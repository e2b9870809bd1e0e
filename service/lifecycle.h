#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "claw/key_record.h"
#include "claw/leaf.h"
#include "hsm/keyring.h"
#include "ledger/log.h"
#include "service/key_rows.h"
#include "service/key_states.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace clawsigner::service {

struct Intent;

/// On whose word something is done, and why: what stands in its leaf.
struct Doing {
    std::optional<claw::LeafCaller> caller;  // none: the clock's
    std::optional<std::string> why;
    std::optional<std::string> request;  // the approved request that this carries out
    RowSet rows;                         // further rows that change with it
    /// Texts that the rows name by their SHA-256 and that are too long for them.
    std::vector<std::string> documents = {};  // NOLINT(readability-redundant-member-init)
    /// What was signed with it; its leaf stands before the act's.
    std::optional<claw::ArtefactLeaf> artefact = {};  // NOLINT(readability-redundant-member-init)
};

/// When a new key takes over.
struct RotationPlan {
    bool now = false;                             // at once; else after activate_in
    std::chrono::seconds activate_in{24 * 3600};  // 0 s to 1 year
    /// 0 s to 1 year: its predecessor stays verify_only. Else that of a pending key, else
    /// kUsualOverlap.
    std::optional<std::chrono::seconds> overlap;
    static constexpr std::chrono::seconds kUsualOverlap{7 * 24 * 3600};
};

/// A key from before this appliance held the family's keys, as its holder gives it up: the rotation
/// certificate to the active key, with the old key's signature.
struct Adoption {
    std::string rotation_id;
    std::string old_did;
    std::string issued_at;
    std::string reason;
    std::string old_signature;                                   // base64url
    std::chrono::seconds overlap = RotationPlan::kUsualOverlap;  // it stays verify_only for so long
};

/// What the state says of a key and its store does not.
struct KeyFinding {
    hsm::KeyName key;
    Error why;
};

/// The keys' lives: which versions there are, which of them signs, and every step between. The
/// state in the ledger says so; the store follows it. One step is one leaf: whatever happens at
/// whatever moment, the old or the new state stands, and what was left half done in the store is
/// finished or taken back before the next step. Thread-safe; steps are taken one at a time, and one
/// waits at most Options::deadline for its turn. Errors of every step also: timeout, when another
/// takes that long; ledger_blocked, while one that was given up may still go to the disk.
class Lifecycle {
public:
    struct Options {
        std::chrono::milliseconds deadline{2'000};  // of a leaf, and of a self-test
        std::chrono::milliseconds every{200};       // looks at the clock and the stores
        std::string origin;                         // of a log that has none yet
        /// Called after each step, with what it was ("keys.activate", "gateway_receipt/2").
        std::function<void(const claw::ActLeaf&)> on_act = [](const claw::ActLeaf&) {};
    };

    /// Takes the state up where the log left it, and starts its clock. `log`, `keyring` and `clock`
    /// outlive it. Errors: as families_of, when the log holds no state of this version.
    static Result<std::unique_ptr<Lifecycle>> open(ledger::Log& log, hsm::Keyring& keyring,
                                                   const Clock& clock, Options options);
    ~Lifecycle();
    Lifecycle(const Lifecycle&) = delete;
    Lifecycle& operator=(const Lifecycle&) = delete;

    /// Never null; each family has its entry. The same object while nothing of them changes.
    std::shared_ptr<const Families> families() const;
    /// Where state and stores differ.
    std::vector<KeyFinding> findings() const;

    /// The family's first key, which signs at once. Errors: key_exists; as hsm::Keyring::generate;
    /// ledger_blocked, ledger_damaged.
    Result<claw::KeyRecord> create(const Doing& doing, crypto::Family family,
                                   crypto::Algorithm algorithm);

    /// Makes the next key and publishes it as pending, with a certificate from the key before it;
    /// or lets it sign at once. Errors: key_missing, when there is no key to follow;
    /// rotation_pending; as create; approval_required, when it is a recovery that carries out no
    /// request.
    Result<claw::KeyRecord> rotate(const Doing& doing, crypto::Family family,
                                   const RotationPlan& plan);
    /// Is the family without an active key because its last one is compromised? Then a rotation is
    /// its recovery.
    bool needs_recovery(crypto::Family family) const;

    /// Nothing is signed for the family from here on. Errors: illegal_transition, when it is so
    /// already; ledger_blocked, ledger_damaged.
    Status freeze(const Doing& doing, crypto::Family family);
    Status unfreeze(const Doing& doing, crypto::Family family);

    /// Errors: not_found, illegal_transition; ledger_blocked, ledger_damaged.
    Result<claw::KeyRecord> retire(const Doing& doing, const hsm::KeyName& key);
    /// Destroys the key in its store and proves it gone. Errors: as retire; as
    /// hsm::Backend::destroy, and then it is finished as soon as the store can.
    Result<claw::KeyRecord> destroy(const Doing& doing, const hsm::KeyName& key);
    /// `since` is a time, or a leaf of the log. Errors: as retire.
    Result<claw::KeyRecord> compromise(const Doing& doing, const hsm::KeyName& key,
                                       std::optional<UnixMillis> since,
                                       std::optional<std::uint64_t> leaf);

    /// Publishes the old key as verify_only, with a certificate that both keys signed; Ed25519
    /// only. Errors: as may_adopt, create.
    Result<claw::KeyRecord> adopt(const Doing& doing, crypto::Family family,
                                  const Adoption& adoption);

    /// Would this step be taken, as the state stands? The error that it would give.
    Status may(const hsm::KeyName& key, KeyEvent event) const;
    /// Likewise. Errors: key_missing, key_frozen, invalid_field, key_exists; as RotationBody::of,
    /// hsm::Keyring::active.
    Status may_adopt(crypto::Family family, const Adoption& adoption) const;

    /// The log's name: as its state says, else as configured.
    std::string origin() const;

    /// The manifest of the keys as the state has them, and as of `time`. Nothing before the log has
    /// an origin.
    std::optional<std::string> manifest_text(const Families& families, UnixMillis time) const;

    /// Another step of the state, which is not about keys: `rows` of `doing`. Errors:
    /// ledger_blocked, ledger_damaged; with an artefact also id_reused, key_not_active.
    Status act(const Doing& doing, const std::string& act, const std::string& subject);
    /// Done, or ledger_blocked while a step that was given up may still go to the disk: the state
    /// may not stay what it says now. Asked before rows are made of it.
    Status settled() const;

    /// What is due now, and what the stores need. Called by its own thread, and by tests. False
    /// while some family's store was never open.
    bool tick();

private:
    Lifecycle(ledger::Log& log, hsm::Keyring& keyring, const Clock& clock, Options options);

    void run();

    /// When upkeep that failed is tried again.
    struct Retry {
        std::chrono::steady_clock::time_point at;
        std::chrono::milliseconds wait{0};
    };
    using Turn = std::unique_lock<std::timed_mutex>;

    // Steps.
    Result<Turn> turn();
    Status commit(const Doing& doing, const std::string& act, const std::string& subject,
                  Families next);
    void take(const RowSet& rows, Families next);
    std::optional<claw::ManifestLeaf> manifest_of(const Families& next, UnixMillis now) const;
    std::optional<std::string> certify(const claw::FamilyKeys& keys) const;
    Result<std::string> certificate_of(const claw::KeyRecord& old_record,
                                       const claw::KeyRecord& new_record) const;
    void publish(Families families);
    Status catch_up();
    Result<claw::KeyRecord> make_key(const Doing& doing, crypto::Family family,
                                     crypto::Algorithm algorithm);
    Status step(const Doing& doing, const hsm::KeyName& key, KeyEvent event,
                const std::function<void(claw::KeyRecord&)>& also);
    Status prove(const claw::KeyRecord& record) const;
    bool is_held(const hsm::KeyName& key) const;
    Status finish_destroying(const Intent& intent, const hsm::KeyName& key);
    struct Adoptable;
    Result<Adoptable> adoptable(crypto::Family family, const Adoption& adoption) const;
    Status set_frozen(const Doing& doing, crypto::Family family, bool frozen);

    /// What kind of store the family's keys are in; of a family without one, nothing is held.
    hsm::Custody custody_of(crypto::Family family) const;

    // Upkeep.
    bool is_open(crypto::Family family) const;
    bool look_after(crypto::Family family);
    bool may_retry(crypto::Family family);
    void note_upkeep(crypto::Family family, const Status& outcome);
    Status tidy(crypto::Family family);
    Status finish_ends(crypto::Family family);
    Status seed(crypto::Family family);
    Status take_back(crypto::Family family);
    std::optional<std::string> unusable_object(crypto::Family family) const;
    Result<std::uint32_t> next_version(crypto::Family family) const;
    void hold_against_store(crypto::Family family);
    std::optional<Error> fault(const claw::KeyRecord& record) const;
    void assign(crypto::Family family);
    Status keep_time(crypto::Family family, UnixMillis now);

    std::optional<std::string> row(const std::string& name) const;

    ledger::Log& log_;
    hsm::Keyring& keyring_;
    const Clock& clock_;
    const Options options_;

    std::timed_mutex acting_;                        // held over a whole step
    std::map<std::string, std::string> other_rows_;  // of the state, beside the keys'
    std::shared_ptr<const claw::Settings> rows_;     // that the state was last read from
    std::weak_ptr<ledger::Submission> given_up_;     // may still go to the disk
    std::map<crypto::Family, Retry> retries_;
    std::set<crypto::Family> opened_;  // whose store was open once

    mutable std::mutex mutex_;
    std::shared_ptr<const Families> families_;
    std::map<crypto::Family, std::vector<KeyFinding>> findings_;

    std::mutex stop_mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace clawsigner::service
