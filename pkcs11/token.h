#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "hsm/backend.h"

#include <memory>
#include <string>

namespace clawsigner::pkcs11 {

/// A token that is open: its module initialised, logged in once, its keys found and each of them
/// proven by a signature that verified. It does not recover; when it fails it is thrown away and
/// another one opened (TokenBackend).
///
/// sign() is thread-safe, also beside the others. Destroying it ends its module, so no call may be
/// under way.
class Token {
public:
    virtual ~Token() = default;
    Token() = default;
    Token(const Token&) = delete;
    Token& operator=(const Token&) = delete;

    /// Errors: hsm_down, with the call that failed, or without one when no session came free in
    /// time; key_missing; unsupported. When a fresh session may help (Remedy::session) there is one
    /// for the next call.
    virtual Result<crypto::Signature> sign(const hsm::KeyId& key, ByteView message,
                                           Deadline deadline) = 0;
    /// Errors: hsm_down, unsupported; key_exists, when the token has a key of that name.
    virtual Result<hsm::StoredKey> generate(const hsm::KeyName& name,
                                            crypto::Algorithm algorithm) = 0;

    /// Destroys every object, private and public, that carries our label and that `handle` names
    /// (see hsm::handle_of), unless a usable key is among them. Errors: invalid_field of `id`, when
    /// there is none; key_in_use; hsm_down, unsupported.
    virtual Status discard(const std::string& handle) = 0;

    /// As hsm::Backend::destroy.
    virtual Status destroy(const hsm::KeyId& key) = 0;

    /// Never null.
    virtual std::shared_ptr<const hsm::KeySnapshot> keys() const = 0;
    /// "SoftHSM v2, token NAME, serial NUMBER".
    virtual const std::string& description() const noexcept = 0;

    /// Makes calls under way return where that can be done. Nothing is asked of the token
    /// afterwards.
    virtual void abandon() noexcept {}
};

/// Asked once before every C_Login, and told what came of it. What it refuses is not tried.
class LoginGate {
public:
    virtual ~LoginGate() = default;
    LoginGate() = default;
    LoginGate(const LoginGate&) = delete;
    LoginGate& operator=(const LoginGate&) = delete;

    /// Errors: pin_held; io_failed, when the try could not be written down.
    virtual Status may_log_in() = 0;
    /// What C_Login answered, told right after it and before anything else is done. Not told when
    /// the try ended without an answer.
    virtual void login_answered(const Status& answer) = 0;
};

}  // namespace clawsigner::pkcs11
