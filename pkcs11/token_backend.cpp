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

/// Its first signature failed where another key's did not, or did not verify.
bool failed_its_probe(const Error& why) {
    return why.code == ErrorCode::key_quarantined && !why.call.empty();
}

}  // namespace

TokenBackend::TokenBackend(TokenSettings settings, Options options, const Clock& clock)
    : settings_(std::move(settings)),
      options_(std::move(options)),
      pin_memory_(options_.pin_memory, clock),
      state_(options_.on_change, clock) {
    keeper_ = std::thread([this] { keep(); });
}

TokenBackend::~TokenBackend() {
    state_.stop();
    keeper_.join();
}

void TokenBackend::keep() {
    while (state_.wait_until_wanted() && wait_before_retry()) {
        reopen();
    }
    close();
}

/// The first try comes at once; those that follow a failure, or a token that failed before it had
/// signed anything, wait longer each time.
bool TokenBackend::wait_before_retry() {
    if (opened_ && std::chrono::steady_clock::now() - *opened_ > kSettled) {
        retry_after_ = std::chrono::milliseconds(0);
    } else if (served_) {
        retry_after_ = std::min(retry_after_, options_.retry_first);
    }
    opened_.reset();
    served_ = false;
    const auto wait = retry_after_;
    retry_after_ = std::clamp(2 * wait, options_.retry_first, options_.retry_at_most);
    return state_.pause(wait);
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
        state_.set(BackendState::opening, before.why);
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
    if (const auto doubt = known_.doubt_of(*(*opened)->keys(), failed_its_probe)) {
        not_opened(*doubt);
        return;
    }
    known_.take(*(*opened)->keys());
    state_.describe((*opened)->description());
    {
        const std::lock_guard lock(token_mutex_);
        token_ = std::move(opened).value();
    }
    opened_ = std::chrono::steady_clock::now();
    state_.set(BackendState::ready, std::nullopt);
    if (died_) {  // before it was ready, when nobody could fall from grace
        state_.suspect(
            Error(ErrorCode::hsm_down, "the module's process ended as soon as it had begun"));
    }
}

Result<std::unique_ptr<Token>> TokenBackend::open_token() {
    died_ = false;
    if (settings_.host) {
        TRY(std::unique_ptr<Token> token, HostedToken::open(
                                              settings_, pin_memory_,
                                              [this](const Error& why) {
                                                  died_ = true;
                                                  state_.suspect(why);
                                              },
                                              state_.stop_token()));
        return token;
    }
    TRY(std::unique_ptr<Token> token, InlineToken::open(settings_, pin_memory_));
    return token;
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
    if (state_.stopping()) {
        return;  // called off, which is no news of the token
    }
    if (error.code == ErrorCode::pin_held) {
        state_.set(BackendState::held, error);
        return;
    }
    const Status allowed = pin_memory_.standing();
    const bool held = !allowed.ok() && allowed.error().code == ErrorCode::pin_held;
    state_.set(held ? BackendState::held : BackendState::absent, held ? allowed.error() : error);
}

hsm::BackendStatus TokenBackend::status() const {
    return state_.status();
}

std::shared_ptr<const hsm::KeySnapshot> TokenBackend::keys() const {
    return known_.snapshot();
}

void TokenBackend::note_failure(const Error& error) {
    switch (remedy_of(error)) {
        case Remedy::request:
            return;  // waiting too long for a session is load, not trouble, and is here, too
        case Remedy::person:
            if (error.code == ErrorCode::pin_held) {
                state_.set(BackendState::held, error, BackendState::ready);
            }
            return;
        case Remedy::session:
        case Remedy::module:
            state_.suspect(error);
    }
}

void TokenBackend::distrust(const hsm::KeyId& key) {
    state_.suspect(
        Error(ErrorCode::hsm_down, "a signature of key " + key.text() + " did not verify"));
}

hsm::BackendStatus TokenBackend::retry_pin(Deadline deadline) {
    if (status().state == BackendState::held) {
        retry_asked_ = true;
        state_.set(BackendState::opening, std::nullopt, BackendState::held);
    }
    return state_.wait_while_opening(deadline);
}

Result<crypto::Signature> TokenBackend::sign(const hsm::KeyId& key, ByteView message,
                                             Deadline deadline) {
    if (!state_.ready()) {
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
    if (!state_.ready()) {
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
    take_keys();
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
    if (!state_.ready()) {
        return hsm::not_ready(status().state);
    }
    const std::shared_lock lock(token_mutex_);
    if (token_ == nullptr) {
        return hsm::not_ready(status().state);
    }
    const auto before = keys();
    Status removed = from_token(*token_);
    if (removed.ok()) {
        known_.forget(*before, handle);
    } else if (suspicious) {
        note_failure(removed.error());
    }
    take_keys();
    return removed;
}

/// A key that signed before and does not now is for the keeper to look at.
void TokenBackend::take_keys() {
    const auto found = token_->keys();
    if (const auto doubt = known_.doubt_of(*found, failed_its_probe)) {
        state_.suspect(*doubt);
    }
    known_.take(*found);
}

}  // namespace clawsigner::pkcs11
