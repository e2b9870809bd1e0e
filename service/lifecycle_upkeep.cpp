#include "service/intent.h"
#include "service/lifecycle.h"

#include <algorithm>
#include <charconv>
#include <utility>

/// What the lifecycle does by itself: it looks at the clock and at the stores.
namespace clawsigner::service {
namespace {

using claw::FamilyKeys;
using claw::KeyRecord;
using claw::KeyState;
using crypto::Family;

constexpr std::chrono::milliseconds kShortestRetry{200};
constexpr std::chrono::milliseconds kLongestRetry{60'000};
constexpr auto kUntilOpen = std::chrono::milliseconds(20);  // while a store was never open

bool is_in_store(const KeyRecord& record) {
    return record.id && !record.proof && record.state != KeyState::destroyed;
}

std::uint32_t version_in(const std::string& text) {
    std::uint32_t version = 0;
    std::from_chars(text.data(), text.data() + text.size(), version);
    return version;
}

Error nobody_signs(const FamilyKeys& keys) {
    const std::string name(crypto::family_name(keys.family));
    if (keys.frozen) {
        return {ErrorCode::key_frozen, name +
                                           " is frozen: nothing is signed until operators approve "
                                           "of: clawsigner keys unfreeze " +
                                           name};
    }
    if (keys.versions.empty()) {
        return {ErrorCode::key_missing,
                "no key for " + name + "; create one: clawsigner keys create " + name};
    }
    return {ErrorCode::key_missing, "no key of " + name +
                                        " is active: its last one is compromised; recover with: "
                                        "clawsigner keys rotate " +
                                        name + " --now"};
}

}  // namespace

void Lifecycle::run() {
    std::unique_lock lock(stop_mutex_);
    while (!stopping_) {
        lock.unlock();
        const bool all_open = tick();
        lock.lock();
        wake_.wait_for(lock, all_open ? options_.every : kUntilOpen, [this] { return stopping_; });
    }
}

bool Lifecycle::tick() {
    const Turn lock(acting_);
    // A key whose record is still on its way is nobody's to take back.
    if (!settled().ok() || !catch_up().ok()) {
        return true;
    }
    // Who signs first, for every family: tidying one can take its store a while.
    for (const Family family : crypto::kFamilies) {
        if (is_open(family)) {
            hold_against_store(family);
            assign(family);
        }
    }
    bool all_open = true;
    for (const Family family : crypto::kFamilies) {
        all_open = look_after(family) && all_open;
    }
    return all_open;
}

/// Whatever cannot be done now is tried again at the next look.
bool Lifecycle::look_after(Family family) {
    if (!keyring_.home(family).ok()) {
        return true;  // not configured here
    }
    if (!is_open(family)) {
        return opened_.contains(family);
    }
    opened_.insert(family);
    if (!may_retry(family)) {
        return true;
    }
    Status outcome = tidy(family);
    hold_against_store(family);
    assign(family);
    if (outcome.ok()) {
        const Status ended = finish_ends(family);
        outcome = keep_time(family, clock_.now());
        outcome = outcome.ok() ? ended : outcome;
    }
    note_upkeep(family, outcome);
    return true;
}

bool Lifecycle::may_retry(Family family) {
    return std::chrono::steady_clock::now() >= retries_[family].at;
}

/// What fails again and again takes no more of a store's time than it must.
void Lifecycle::note_upkeep(Family family, const Status& outcome) {
    Retry& retry = retries_[family];
    if (outcome.ok()) {
        retry = {};
        return;
    }
    retry.wait = std::clamp(retry.wait * 2, kShortestRetry, kLongestRetry);
    retry.at = std::chrono::steady_clock::now() + retry.wait;
}

bool Lifecycle::is_open(Family family) const {
    const auto home = keyring_.home(family);
    return home.ok() && home->backend->status().state == hsm::BackendState::ready;
}

/// What was begun is finished or taken back.
Status Lifecycle::tidy(Family family) {
    TRY(const auto home, keyring_.home(family));
    if (!is_open(family)) {
        return hsm::not_ready(home.backend->status().state);
    }
    CHECK_OK(seed(family));
    return take_back(family);
}

Status Lifecycle::finish_ends(Family family) {
    const auto all = families();
    for (const KeyRecord& record : all->at(family).versions) {
        if (const auto intent = row(ending_row_name(family, record.version))) {
            CHECK_OK(finish_destroying(intent_in(*intent), {family, record.version}));
        }
    }
    return Status::done();
}

/// Keys that were in the store before the log knew of keys: the highest version signs.
Status Lifecycle::seed(Family family) {
    if (row(seeded_row_name(family))) {
        return Status::done();
    }
    TRY(const auto home, keyring_.home(family));
    const auto snapshot = home.backend->keys();
    Families next = *families();
    auto& versions = next[family].versions;
    const UnixMillis now = clock_.now();
    for (const hsm::StoredKey& key : snapshot->keys) {
        if (key.name.family == family) {
            versions.push_back({family,
                                key.name.version,
                                KeyState::verify_only,
                                key.public_key,
                                key.id.text(),
                                now,
                                {},
                                {},
                                {},
                                {},
                                {},
                                {},
                                {},
                                {}});
        }
    }
    std::ranges::sort(versions, {}, &KeyRecord::version);
    if (!versions.empty()) {
        versions.back().state = KeyState::active;
        versions.back().active_since = now;
    }
    Doing doing;
    doing.rows[seeded_row_name(family)] = "yes";
    return commit(doing, "keys.seed", std::string(crypto::family_name(family)), std::move(next));
}

/// Nobody makes a first key beside what may be one.
std::optional<std::string> Lifecycle::unusable_object(Family family) const {
    const auto home = keyring_.home(family);
    if (!home.ok()) {
        return std::nullopt;
    }
    const auto snapshot = home->backend->keys();
    for (const hsm::UnusableKey& key : snapshot->unusable) {
        const auto name = hsm::parse_key_label(key.label);
        if (name && name->family == family) {
            return hsm::handle_of(key);
        }
    }
    return std::nullopt;
}

Result<std::uint32_t> Lifecycle::next_version(Family family) const {
    std::uint32_t highest = 0;
    const auto all = families();
    for (const KeyRecord& record : all->at(family).versions) {
        highest = std::max(highest, record.version);
    }
    const auto home = keyring_.home(family);
    const auto snapshot =
        home.ok() ? home->backend->keys() : std::make_shared<const hsm::KeySnapshot>();
    const auto see = [&](const std::optional<hsm::KeyName>& name) {
        highest = name && name->family == family ? std::max(highest, name->version) : highest;
    };
    for (const hsm::StoredKey& key : snapshot->keys) {
        see(key.name);
    }
    for (const hsm::UnusableKey& key : snapshot->unusable) {
        see(hsm::parse_key_label(key.label));
    }
    if (highest >= crypto::kMaxKeyVersion) {
        return Error(ErrorCode::unsupported, "the family has had all the versions there are");
    }
    return highest + 1;
}

/// A key that was being made, and whose making was not recorded, was never anybody's.
Status Lifecycle::take_back(Family family) {
    const auto making = row(making_row_name(family));
    if (!making) {
        return Status::done();
    }
    CHECK_OK(log_.ready());
    const hsm::KeyName name{family, version_in(*making)};
    TRY(const auto home, keyring_.home(family));
    const auto snapshot = home.backend->keys();
    for (const hsm::StoredKey& key : snapshot->keys) {
        if (key.name == name) {
            CHECK_OK(home.backend->destroy(key.id));
        }
    }
    for (const hsm::UnusableKey& key : snapshot->unusable) {
        if (hsm::parse_key_label(key.label) == name) {
            CHECK_OK(home.backend->discard(hsm::handle_of(key)));
        }
    }
    Doing doing;
    doing.rows[making_row_name(family)] = std::nullopt;
    return commit(doing, "keys.take_back",
                  std::string(crypto::family_name(family)).append("/").append(*making),
                  *families());
}

std::vector<KeyFinding> Lifecycle::findings() const {
    const std::lock_guard lock(mutex_);
    std::vector<KeyFinding> all;
    for (const auto& [family, found] : findings_) {
        all.insert(all.end(), found.begin(), found.end());
    }
    return all;
}

std::optional<Error> Lifecycle::fault(const KeyRecord& record) const {
    const auto id = hsm::KeyId::parse(record.id.value_or(""));
    if (!id.ok()) {
        return id.error();
    }
    const auto key = keyring_.key(record.family, {*id, record.public_key});
    return key.ok() ? std::nullopt : std::optional(key.error());
}

void Lifecycle::hold_against_store(Family family) {
    std::vector<KeyFinding> found;
    const auto all = families();
    for (const KeyRecord& record : all->at(family).versions) {
        if (!is_in_store(record) || record.state == KeyState::compromised ||
            row(ending_row_name(family, record.version))) {
            continue;
        }
        if (auto why = fault(record)) {
            found.push_back({{family, record.version}, *std::move(why)});
        }
    }
    const std::lock_guard lock(mutex_);
    findings_[family] = std::move(found);
}

void Lifecycle::assign(Family family) {
    const auto all = families();
    const FamilyKeys& keys = all->at(family);
    if (keys.versions.empty() && !row(seeded_row_name(family))) {
        return;  // nobody has looked yet
    }
    const KeyRecord* active = keys.active();
    hsm::Assignment assignment;
    assignment.why = nobody_signs(keys);
    const auto id = active == nullptr ? Result<hsm::KeyId>(Error())
                                      : hsm::KeyId::parse(active->id.value_or(""));
    if (!keys.frozen && id.ok()) {
        assignment.active = hsm::AssignedKey{*id, active->public_key};
    }
    {
        const std::lock_guard lock(mutex_);
        const auto& found = findings_[family];
        // The active key's own fault is the keyring's to see, at every signature; and what is
        // neither published nor signs is only named.
        const auto other = std::ranges::find_if(found, [&](const KeyFinding& finding) {
            const KeyRecord* record = keys.version(finding.key.version);
            return record != nullptr &&
                   (record->state == KeyState::pending || record->state == KeyState::verify_only);
        });
        if (other != found.end()) {
            assignment.active.reset();
            assignment.why = other->why;
            assignment.why.message.append("; clawsigner keys retire ")
                .append(crypto::family_name(family))
                .append(" ")
                .append(std::to_string(other->key.version))
                .append(" lets the family go on without it");
        }
    }
    for (const KeyRecord& record : keys.versions) {
        const auto old = hsm::KeyId::parse(record.id.value_or(""));
        if (family == Family::checkpoint && record.state == KeyState::verify_only && old.ok()) {
            assignment.fading.push_back({*old, record.public_key});
        }
    }
    keyring_.assign(family, std::move(assignment));
}

}  // namespace clawsigner::service
