#pragma once

#include "base/result.h"
#include "base/secret.h"
#include "pkcs11/key_objects.h"
#include "pkcs11/module.h"
#include "pkcs11/session_pool.h"
#include "pkcs11/token.h"
#include "pkcs11/token_settings.h"

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace clawsigner::pkcs11 {

/// A token whose module is loaded into this process.
class InlineToken final : public Token {
public:
    /// Errors: hsm_down; pin_held, also as the gate says; config_invalid or io_failed for the PIN
    /// file.
    static Result<std::unique_ptr<InlineToken>> open(const TokenSettings& settings,
                                                     LoginGate& gate);

    Result<crypto::Signature> sign(const hsm::KeyId& key, ByteView message,
                                   Deadline deadline) override;
    Result<hsm::StoredKey> generate(const hsm::KeyName& name, crypto::Algorithm algorithm) override;
    Status discard(const std::string& handle) override;
    Status destroy(const hsm::KeyId& key) override;
    std::shared_ptr<const hsm::KeySnapshot> keys() const override;
    const std::string& description() const noexcept override { return description_; }

    std::size_t session_count() const { return sessions_->size(); }

private:
    struct Handle {
        CK_OBJECT_HANDLE object = 0;
        crypto::Algorithm algorithm{};
    };
    /// The keys as found together with the handles behind them; replaced whole.
    struct Found {
        std::shared_ptr<const hsm::KeySnapshot> snapshot = std::make_shared<hsm::KeySnapshot>();
        std::map<hsm::KeyId, Handle> handles;
    };

    InlineToken() = default;

    Status open_sessions(PKCS11_SLOT& slot, std::size_t wanted);
    Status find_and_prove_keys();
    Status log_in(const Secret& pin, LoginGate& gate);
    Status prove(const KeyObject& object, CK_SESSION_HANDLE session, hsm::KeySnapshot& snapshot,
                 Found& found) const;
    Status prove_or_set_aside(const KeyObject& object, SessionPool::Lease& session,
                              hsm::KeySnapshot& snapshot, Found& found) const;
    Status signs_with_a_new_key(const KeyObject& like) const;
    std::shared_ptr<const Found> found() const;
    Result<crypto::Signature> sign_in(CK_SESSION_HANDLE session, const Handle& key,
                                      ByteView message) const;

    // In the order of their lifetimes: sessions end before the module does.
    std::unique_ptr<Module> module_;
    CK_SLOT_ID slot_ = 0;
    std::string description_;
    std::unique_ptr<SessionPool> sessions_;
    std::mutex changing_;  // one change of what the token holds at a time
    mutable std::mutex found_mutex_;
    std::shared_ptr<const Found> found_ = std::make_shared<Found>();
};

}  // namespace clawsigner::pkcs11
