#include "service/lifecycle.h"

#include "claw/key_manifest.h"
#include "service/landing.h"

#include <utility>

/// The state of the keys between its leaves: read, changed by one step at a time, published.
namespace clawsigner::service {
namespace {

using crypto::Family;

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
    // In this order: what a step that was given up has changed can be read once it is settled.
    CHECK_OK(settled());
    CHECK_OK(catch_up());
    return turn;
}

Status Lifecycle::settled() const {
    const std::lock_guard lock(mutex_);
    return given_up_.expired()
               ? Status::done()
               : Status(
                     Error(ErrorCode::ledger_blocked,
                           "an earlier step may still go to the disk; ask again when it answers"));
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
    publish(std::move(families));
    return Status::done();
}

/// What was judged by families holds for as long as they are the same object: so they stay it while
/// nothing of them changes.
void Lifecycle::publish(Families families) {
    {
        const std::lock_guard lock(mutex_);
        if (families_ == nullptr || *families_ != families) {
            families_ = std::make_shared<const Families>(std::move(families));
        }
    }
    for (const Family family : crypto::kFamilies) {
        assign(family);
    }
}

Status Lifecycle::commit(const Doing& doing, const std::string& act, const std::string& subject,
                         Families next) {
    CHECK_OK(log_.ready());
    CHECK_OK(settled());
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
        const std::lock_guard lock(mutex_);
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
    publish(std::move(next));
}

Status Lifecycle::act(const Doing& doing, const std::string& act, const std::string& subject) {
    TRY(const auto lock, turn());
    return commit(doing, act, subject, *families());
}

}  // namespace clawsigner::service
