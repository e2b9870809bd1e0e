#include "pkcs11/token_backend.h"

#include "base/secret.h"
#include "pkcs11/error.h"
#include "pkcs11/hosted_token.h"
#include "pkcs11/inline_token.h"

#include <algorithm>
#include <utility>

namespace clawsigner::pkcs11 {
namespace {

using hsm::BackendState;

// How long calls under way may take to end before the token is abandoned under them.
constexpr auto kDrainTime = std::chrono::milliseconds(500);

// A token that served so long has not failed for what made it fail before.
constexpr auto kSettled = std::chrono::seconds(2);

}  // namespace

TokenBackend::TokenBackend(TokenSettings settings, Options options, const Clock& clock)
    : settings_(std::move(settings)),
      options_(std::move(options)),
      clock_(clock),
      pin_memory_(options_.pin_memory, clock),
      keys_(std::make_shared<hsm::KeySnapshot>()) {
    status_.state = BackendState::opening;
    status_.since = clock.now();
    keeper_ = std::thread([this] { keep(); });
}

TokenBackend::~TokenBackend() {
    {
        const std::lock_guard lock(state_mutex_);
        stop_.request_stop();
    }
    state_changed_.notify_all();
    keeper_.join();
}

void TokenBackend::keep() {
    std::unique_lock lock(state_mutex_);
    while (!stop_.stop_requested()) {
        if (status_.state == BackendState::ready || status_.state == BackendState::held) {
            state_changed_.wait(lock);
            continue;
        }
        wait_before_retry(lock);
        if (stop_.stop_requested()) {
            break;
        }
        lock.unlock();
        reopen();
        lock.lock();
    }
    lock.unlock();
    close();
}

/// The first try comes at once; those that follow a failure, or a token that failed before it had
/// signed anything, wait longer each time.
void TokenBackend::wait_before_retry(std::unique_lock<std::mutex>& lock) {
    if (opened_ && std::chrono::steady_clock::now() - *opened_ > kSettled) {
        retry_after_ = std::chrono::milliseconds(0);
    } else if (served_) {
        retry_after_ = std::min(retry_after_, options_.retry_first);
    }
    opened_.reset();
    served_ = false;
    state_changed_.wait_for(lock, retry_after_, [this] { return stop_.stop_requested(); });
    retry_after_ = std::clamp(2 * retry_after_, options_.retry_first, options_.retry_at_most);
}

void TokenBackend::close() {
    std::unique_lock lock(token_mutex_, std::defer_lock);
    if (!lock.try_lock_for(kDrainTime)) {
        if (token_ != nullptr) {
            token_->abandon();
        }
        // A call that hangs in a module of this process keeps us here; to finalise under it would
        // be undefined.
        lock.lock();
    }
    const std::unique_ptr<Token> ended = std::move(token_);
    lock.unlock();  // nobody can reach it any more, and nobody has to wait while it ends
}

void TokenBackend::reopen() {
    if (const auto before = status(); before.state == BackendState::suspect) {
        set_state(BackendState::opening, before.why);
    }
    close();
    if (const Status allowed = pin_may_be_tried(); !allowed.ok()) {
        not_opened(allowed.error());
        return;
    }
    auto opened = open_token();
    if (!opened.ok()) {
        not_opened(opened.error());
        return;
    }
    if (const auto doubt = doubt_of(*(*opened)->keys())) {
        not_opened(*doubt);
        return;
    }
    take_keys(*(*opened)->keys());
    {
        const std::lock_guard lock(state_mutex_);
        status_.device = (*opened)->description();
    }
    {
        const std::lock_guard lock(token_mutex_);
        token_ = std::move(opened).value();
    }
    opened_ = std::chrono::steady_clock::now();
    set_state(BackendState::ready, std::nullopt);
    if (died_) {  // before it was ready, when nobody could fall from grace
        suspect(Error(ErrorCode::hsm_down, "the module's process ended as soon as it had begun"));
    }
}

Result<std::unique_ptr<Token>> TokenBackend::open_token() {
    died_ = false;
    if (settings_.host) {
        TRY(std::unique_ptr<Token> token, HostedToken::open(
                                              settings_, pin_memory_,
                                              [this](const Error& why) {
                                                  died_ = true;
                                                  suspect(why);
                                              },
                                              stop_.get_token()));
        return token;
    }
    TRY(std::unique_ptr<Token> token, InlineToken::open(settings_, pin_memory_));
    return token;
}

/// A key that has signed here before and now signs wrongly is the device's trouble: nothing is
/// signed with any of its keys until it passes. One that never did is only that key's.
std::optional<Error> TokenBackend::doubt_of(const hsm::KeySnapshot& found) const {
    const std::lock_guard lock(state_mutex_);
    for (const hsm::UnusableKey& key : found.unusable) {
        const auto name = hsm::parse_key_label(key.label);
        if (name && key.why.code == ErrorCode::key_quarantined && !key.why.call.empty() &&
            first_seen_.contains(*name)) {
            return Error(ErrorCode::hsm_down, "key " + key.id + ": " + key.why.message);
        }
    }
    return std::nullopt;
}

Status TokenBackend::pin_may_be_tried() {
    if (retry_asked_.exchange(false)) {
        if (!pin_memory_.forget().ok()) {
            return Error(ErrorCode::pin_held,
                         "what is remembered of the last login cannot be removed; see to "
                         "server.state_directory, then: clawsigner pin retry");
        }
    }
    return pin_memory_.standing();
}

/// Held, when the PIN was refused now or the memory says that it is not to be tried again; a token
/// may count a try also where it answers with something else than "wrong PIN".
void TokenBackend::not_opened(const Error& error) {
    if (stop_.stop_requested()) {
        return;  // called off, which is no news of the token
    }
    if (error.code == ErrorCode::pin_held) {
        set_state(BackendState::held, error);
        return;
    }
    const Status allowed = pin_memory_.standing();
    const bool held = !allowed.ok() && allowed.error().code == ErrorCode::pin_held;
    set_state(held ? BackendState::held : BackendState::absent, held ? allowed.error() : error);
}

void TokenBackend::take_keys(const hsm::KeySnapshot& found) {
    const std::lock_guard lock(state_mutex_);
    auto kept = std::make_shared<hsm::KeySnapshot>();
    kept->unusable = found.unusable;
    for (const hsm::StoredKey& key : found.keys) {
        const auto [known, added] = first_seen_.emplace(key.name, key.public_key);
        if (added || known->second == key.public_key) {
            kept->keys.push_back(key);
        } else {
            kept->unusable.push_back(
                {key.id.text(), key_label(key.name),
                 Error(ErrorCode::key_quarantined, "its public key is not the one it had before")});
        }
    }
    keys_ = std::move(kept);
}

void TokenBackend::set_state(BackendState state, std::optional<Error> why,
                             std::optional<BackendState> only_from) {
    const std::lock_guard in_order(telling_);
    hsm::BackendStatus changed;
    {
        const std::lock_guard lock(state_mutex_);
        if (only_from && status_.state != *only_from) {
            return;
        }
        const auto message_of = [](const std::optional<Error>& error) {
            return error ? error->message : std::string();
        };
        const bool news = status_.state != state || message_of(status_.why) != message_of(why);
        if (status_.state != state) {
            status_.since = clock_.now();
        }
        status_.state = state;
        status_.why = std::move(why);
        ready_ = state == BackendState::ready;
        if (!news) {
            return;
        }
        changed = status_;
    }
    state_changed_.notify_all();
    if (options_.on_change) {
        options_.on_change(changed);
    }
}

hsm::BackendStatus TokenBackend::status() const {
    const std::lock_guard lock(state_mutex_);
    return status_;
}

std::shared_ptr<const hsm::KeySnapshot> TokenBackend::keys() const {
    const std::lock_guard lock(state_mutex_);
    return keys_;
}

void TokenBackend::note_failure(const Error& error) {
    switch (remedy_of(error)) {
        case Remedy::request:
            return;  // waiting too long for a session is load, not trouble, and is here, too
        case Remedy::person:
            if (error.code == ErrorCode::pin_held) {
                set_state(BackendState::held, error, BackendState::ready);
            }
            return;
        case Remedy::session:
        case Remedy::module:
            suspect(error);
    }
}

void TokenBackend::distrust(const hsm::KeyId& key) {
    suspect(Error(ErrorCode::hsm_down, "a signature of key " + key.text() + " did not verify"));
}

void TokenBackend::suspect(const Error& why) {
    // Only a token that serves can fall from grace: news of its past must not wake one that is
    // held.
    set_state(BackendState::suspect, why, BackendState::ready);
}

hsm::BackendStatus TokenBackend::retry_pin(Deadline deadline) {
    if (status().state == BackendState::held) {
        retry_asked_ = true;
        set_state(BackendState::opening, std::nullopt, BackendState::held);
    }
    std::unique_lock lock(state_mutex_);
    state_changed_.wait_until(lock, deadline,
                              [this] { return status_.state != BackendState::opening; });
    return status_;
}

Result<crypto::Signature> TokenBackend::sign(const hsm::KeyId& key, ByteView message,
                                             Deadline deadline) {
    if (!ready_) {
        return hsm::not_ready(status().state);
    }
    const std::shared_lock lock(token_mutex_);
    if (token_ == nullptr) {
        return hsm::not_ready(status().state);
    }
    auto signature = token_->sign(key, message, deadline);
    if (!signature.ok() && remedy_of(signature.error()) == Remedy::session &&
        std::chrono::steady_clock::now() < deadline) {
        signature = sign_again(key, message, deadline);
    }
    if (!signature.ok()) {
        note_failure(signature.error());
    } else if (!served_) {
        served_ = true;
    }
    return signature;
}

Result<crypto::Signature> TokenBackend::sign_again(const hsm::KeyId& key, ByteView message,
                                                   Deadline deadline) {
    TRY(auto signature, token_->sign(key, message, deadline));
    const auto known = keys();
    const auto stored = std::ranges::find(known->keys, key, &hsm::StoredKey::id);
    if (stored != known->keys.end() && stored->public_key.verifies(message, signature)) {
        return signature;
    }
    base::wipe_bytes(signature);
    distrust(key);
    return Error(ErrorCode::key_quarantined,
                 "key " + key.text() + " gave a signature that does not verify");
}

Result<hsm::StoredKey> TokenBackend::generate(const hsm::KeyName& name,
                                              crypto::Algorithm algorithm) {
    if (!ready_) {
        return hsm::not_ready(status().state);
    }
    const std::shared_lock lock(token_mutex_);
    if (token_ == nullptr) {
        return hsm::not_ready(status().state);
    }
    auto made = token_->generate(name, algorithm);
    if (!made.ok()) {
        note_failure(made.error());
    }
    take_keys(*token_->keys());
    return made;
}

Status TokenBackend::discard(const std::string& handle) {
    return remove(handle, [&](Token& token) { return token.discard(handle); }, true);
}

Status TokenBackend::destroy(const hsm::KeyId& key) {
    // A token that does not let go of one key may well sign with the others: signing finds out.
    return remove(key.text(), [&](Token& token) { return token.destroy(key); }, false);
}

Status TokenBackend::remove(const std::string& handle,
                            const std::function<Status(Token&)>& from_token, bool suspicious) {
    if (!ready_) {
        return hsm::not_ready(status().state);
    }
    const std::shared_lock lock(token_mutex_);
    if (token_ == nullptr) {
        return hsm::not_ready(status().state);
    }
    const auto before = keys();
    Status removed = from_token(*token_);
    if (removed.ok()) {
        forget_names(*before, handle);
    } else if (suspicious) {
        note_failure(removed.error());
    }
    take_keys(*token_->keys());
    return removed;
}

void TokenBackend::forget_names(const hsm::KeySnapshot& before, const std::string& handle) {
    const std::lock_guard lock(state_mutex_);
    for (const hsm::UnusableKey& key : before.unusable) {
        const auto name = hsm::parse_key_label(key.label);
        if (name && hsm::handle_of(key) == handle) {
            first_seen_.erase(*name);
        }
    }
    for (const hsm::StoredKey& key : before.keys) {
        if (key.id.text() == handle) {
            first_seen_.erase(key.name);
        }
    }
}

}  // namespace clawsigner::pkcs11
