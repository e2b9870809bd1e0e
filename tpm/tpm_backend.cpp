#include "tpm/tpm_backend.h"

#include "base/secret.h"
#include "crypto/digest.h"
#include "crypto/signing_input.h"
#include "tpm/patience.h"
#include "tpm/response.h"

#include <algorithm>
#include <utility>

namespace clawsigner::tpm {
namespace {

using hsm::BackendState;

constexpr std::size_t kMostLeft = 4;  // threads whose call may never return

Lane lane_of(crypto::Family family) noexcept {
    switch (family) {
        case crypto::Family::cst:
            return Lane::first;
        case crypto::Family::gateway_receipt:
            return Lane::last;
        default:
            return Lane::middle;
    }
}

/// Its first signature after an opening did not verify.
bool failed_its_probe(const Error& why) {
    return why.code == ErrorCode::key_quarantined && why.call == "TPM2_Sign";
}

}  // namespace

TpmBackend::TpmBackend(TpmSettings settings, Options options, const Clock& clock)
    : settings_(std::move(settings)),
      options_(std::move(options)),
      store_(settings_.directory),
      boot_store_(settings_.directory / "boot"),
      state_(options_.on_change, clock) {
    keeper_ = std::thread([this] { keep(); });
}

TpmBackend::~TpmBackend() {
    state_.stop();
    keeper_.join();
}

void TpmBackend::keep() {
    while (state_.wait_until_wanted() && state_.pause(retry_after_)) {
        retry_after_ = std::clamp(2 * retry_after_, options_.retry_first, options_.retry_at_most);
        reopen();
        if (state_.ready()) {
            retry_after_ = std::chrono::milliseconds(0);
        }
    }
    close();
}

void TpmBackend::close() {
    std::shared_ptr<Owner> ended;
    {
        const std::lock_guard lock(held_mutex_);
        ended = std::exchange(owner_, nullptr);
    }
    if (ended != nullptr) {
        // Whoever is inside a call may hold it for longer; the TPM is not touched by it any more.
        ended->stop();
        left_.push_back(ended->still_there());
    }
}

std::size_t TpmBackend::left_behind() {
    std::erase_if(left_, [](const std::function<bool()>& there) { return !there(); });
    return left_.size();
}

std::shared_ptr<Owner> TpmBackend::owner() const {
    const std::lock_guard lock(held_mutex_);
    return owner_;
}

Result<TpmBackend::Turn> TpmBackend::turn() {
    if (!state_.ready()) {
        return why_not_ready();
    }
    Turn turn{std::unique_lock(changing_), owner()};
    if (turn.owner == nullptr) {
        return why_not_ready();
    }
    return turn;
}

void TpmBackend::reopen() {
    if (const auto before = status(); before.state == BackendState::suspect) {
        state_.set(BackendState::opening, before.why);
    }
    close();
    if (left_behind() >= kMostLeft) {
        state_.set(BackendState::absent,
                   Error(ErrorCode::hsm_down,
                         "calls into the TPM have not returned; the TPM, or the way to it, hangs"));
        return;
    }
    const auto owner = std::make_shared<Owner>(Owner::Limits{settings_.lane});
    const Status opened = open_with(owner);
    if (!opened.ok()) {
        owner->stop();
        left_.push_back(owner->still_there());
        state_.set(BackendState::absent, opened.error());
        return;
    }
    {
        const std::lock_guard lock(held_mutex_);
        owner_ = owner;
    }
    state_.set(BackendState::ready, std::nullopt);
}

Status TpmBackend::open_with(const std::shared_ptr<Owner>& owner) {
    const std::lock_guard one_at_a_time(changing_);
    TRY(KeyStore::Contents contents, store_.read());
    struct Identity {
        std::string description;
        Bytes srk_name;
    };
    const Device::Settings wanted{settings_.tcti, settings_.srk, settings_.only_manufacturer};
    TRY(const Identity found,
        patiently<Identity>(*owner, [wanted, fence = owner->fence()](Owner::Slot& slot) {
            auto device = Device::open(wanted, fence);
            if (!device.ok()) {
                return Result<Identity>(device.error());
            }
            slot = std::move(device).value();
            return Result<Identity>(Identity{slot->description(), slot->srk_name()});
        }));
    state_.describe(found.description);
    CHECK_OK(store_.recognise(found.srk_name));
    CHECK_OK(obey_boot_policy(*owner));
    TRY(Found keys, load(*owner, std::move(contents)));
    if (const auto doubt = known_.doubt_of(keys.snapshot, failed_its_probe)) {
        return *doubt;
    }
    take(std::move(keys));
    return Status::done();
}

void TpmBackend::take(Found found) {
    known_.take(std::move(found.snapshot));
    const std::lock_guard lock(held_mutex_);
    unsealed_ = std::move(found.unsealed);
}

hsm::BackendStatus TpmBackend::status() const {
    return state_.status();
}

std::shared_ptr<const hsm::KeySnapshot> TpmBackend::keys() const {
    return known_.snapshot();
}

Error TpmBackend::why_not_ready() const {
    const hsm::BackendStatus now = status();
    Error error = hsm::not_ready(now.state);
    if (now.why) {
        switch (now.why->code) {
            case ErrorCode::device_locked:
            case ErrorCode::device_auth:
            case ErrorCode::device_full:
            case ErrorCode::device_changed:
            case ErrorCode::boot_not_approved:
                error.code = now.why->code;
                break;
            default:
                break;
        }
    }
    return error;
}

/// The keys were proven when the TPM was opened, so what fails now is not theirs.
void TpmBackend::note_failure(const Owner& owner, const Error& error) {
    const bool ours = error.call.empty() || remedy_of(error) == Remedy::request ||
                      error.code == ErrorCode::boot_not_approved;
    if (owner.hangs() || !ours) {
        state_.suspect(error);
    }
}

void TpmBackend::distrust(const hsm::KeyId& key) {
    state_.suspect(
        Error(ErrorCode::hsm_down, "a signature of key " + key.text() + " did not verify"));
}

hsm::BackendStatus TpmBackend::retry_pin(Deadline) {
    return status();
}

Result<crypto::Signature> TpmBackend::sign(const hsm::KeyId& key, ByteView message,
                                           Deadline deadline) {
    if (!state_.ready()) {
        return why_not_ready();
    }
    const auto known = keys();
    const auto stored = std::ranges::find(known->keys, key, &hsm::StoredKey::id);
    if (stored == known->keys.end()) {
        return Error(ErrorCode::key_missing, "key " + key.text() + " is not in the TPM");
    }
    std::shared_ptr<Owner> owner;
    std::shared_ptr<const crypto::MemoryKey> unsealed;
    {
        const std::lock_guard lock(held_mutex_);
        owner = owner_;
        const auto found = unsealed_.find(key);
        unsealed = found == unsealed_.end() ? nullptr : found->second;
    }
    if (owner == nullptr) {
        return why_not_ready();
    }
    if (unsealed != nullptr) {
        return unsealed->sign(message);
    }
    auto signature = owner->call<crypto::Signature>(
        lane_of(stored->name.family), deadline, settings_.call_timeout,
        [key, deadline, digest = crypto::sha256(message)](Owner::Slot& slot) {
            slot->be_done_by(deadline);
            return slot->sign(key, digest);
        });
    if (!signature.ok()) {
        note_failure(*owner, signature.error());
    }
    return signature;
}

}  // namespace clawsigner::tpm
