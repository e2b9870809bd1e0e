#pragma once

#include "hsm/backend.h"
#include "hsm/known_keys.h"
#include "hsm/store_state.h"
#include "pkcs11/pin_memory.h"
#include "pkcs11/token_settings.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <thread>

namespace clawsigner::pkcs11 {

class Token;

/// A token in this process as a hsm::Backend, with the thread that opens it, notices when it fails
/// and opens it again.
///
/// A signing call that fails with its session is made once more on another. One that fails with
/// its device makes the token suspect: nothing more is signed with it, every
/// handle and session is thrown away, the module is finalised and initialised again, and each key
/// found anew must have the public key it had before and sign a probe. Where that fails, or does
/// not last, it is tried again and again, `retry_first` after the first failure and twice as long
/// after each further one, up to `retry_at_most`; but never a PIN that was refused: that is
/// remembered on disk.
class TokenBackend final : public hsm::Backend {
public:
    struct Options {
        std::chrono::milliseconds retry_first{100};
        std::chrono::milliseconds retry_at_most{1000};
        hsm::StateObserver on_change;
        /// Of this store alone, in a directory of the daemon's own. Where it cannot be written,
        /// nobody logs in.
        std::filesystem::path pin_memory;
    };

    /// Starts opening at once, in the background. `clock` outlives the backend.
    TokenBackend(TokenSettings settings, Options options, const Clock& clock);
    /// Waits for calls under way. An opening in a child is called off, a login excepted.
    ~TokenBackend() override;
    TokenBackend(const TokenBackend&) = delete;
    TokenBackend& operator=(const TokenBackend&) = delete;

    hsm::BackendStatus status() const override;
    std::shared_ptr<const hsm::KeySnapshot> keys() const override;
    Result<hsm::StoredKey> generate(const hsm::KeyName& name, crypto::Algorithm algorithm) override;
    Status discard(const std::string& handle) override;
    Status destroy(const hsm::KeyId& key) override;
    Result<crypto::Signature> sign(const hsm::KeyId& key, ByteView message,
                                   Deadline deadline) override;
    void distrust(const hsm::KeyId& key) override;
    hsm::BackendStatus retry_pin(Deadline deadline) override;

private:
    void keep();
    /// False when it is to stop.
    bool wait_before_retry();
    void reopen();
    Result<std::unique_ptr<Token>> open_token();
    void close();
    void not_opened(const Error& error);
    /// May the PIN be tried? Forgets what stands against it when a person has said so.
    Status pin_may_be_tried();
    Status remove(const std::string& handle, const std::function<Status(Token&)>& from_token,
                  bool suspicious);
    /// Once more, after a fault of the session. Nothing says that the key's handle means the same
    /// key in the new one, so this signature is verified here, whatever the policy.
    Result<crypto::Signature> sign_again(const hsm::KeyId& key, ByteView message,
                                         Deadline deadline);
    /// Judges a failed call by its remedy.
    void note_failure(const Error& error);
    void take_keys();

    const TokenSettings settings_;
    const Options options_;
    PinMemory pin_memory_;  // the keeper's

    /// Held shared by every call into the token, and alone to replace it.
    mutable std::shared_timed_mutex token_mutex_;
    std::unique_ptr<Token> token_;

    hsm::StoreState state_;
    hsm::KnownKeys known_;

    // The keeper's.
    std::chrono::milliseconds retry_after_{0};
    std::optional<std::chrono::steady_clock::time_point> opened_;
    std::atomic<bool> died_{false};    // the child of the token that is open, or being opened
    std::atomic<bool> served_{false};  // something was signed since it was opened
    std::atomic<bool> retry_asked_{false};

    std::thread keeper_;
};

}  // namespace clawsigner::pkcs11
