#include "pkcs11/inline_token.h"

#include "base/file.h"
#include "crypto/digest.h"
#include "crypto/signing_input.h"
#include "pkcs11/error.h"

#include <algorithm>
#include <array>
#include <utility>

namespace clawsigner::pkcs11 {
namespace {

constexpr auto kOpeningWait = std::chrono::seconds(5);
// Larger than any signature: with a short buffer C_Sign leaves the operation active and the session
// useless.
constexpr std::size_t kSignatureBuffer = 512;
// Sessions that are left to others (an admin's tool, key generation) on tokens that say how many
// they have.
constexpr CK_ULONG kSessionsLeftFree = 2;

std::string description_of(const TokenDescription& token) {
    return token.model + ", token " + token.label + ", serial " + token.serial;
}

/// How many sessions to open: what is wanted, within what the token says it has.
std::size_t session_limit(CK_FUNCTION_LIST& cryptoki, CK_SLOT_ID slot, std::size_t wanted) {
    CK_TOKEN_INFO info{};
    if (cryptoki.C_GetTokenInfo(slot, &info) != CKR_OK ||
        info.ulMaxSessionCount == CK_EFFECTIVELY_INFINITE ||
        info.ulMaxSessionCount == CK_UNAVAILABLE_INFORMATION) {
        return wanted;
    }
    const CK_ULONG most = info.ulMaxSessionCount;
    const CK_ULONG usable = most > kSessionsLeftFree ? most - kSessionsLeftFree : 1;
    return std::min<std::size_t>(wanted, usable);
}

CK_MECHANISM signing_mechanism(crypto::Algorithm algorithm) {
    return {algorithm == crypto::Algorithm::ed25519 ? CKM_EDDSA : CKM_ECDSA, nullptr, 0};
}

/// A session that may change what the token holds, closed with this.
class WritingSession {
public:
    static Result<WritingSession> open(CK_FUNCTION_LIST& cryptoki, CK_SLOT_ID slot) {
        CK_SESSION_HANDLE session = 0;
        CHECK_OK(
            check("C_OpenSession", cryptoki.C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
                                                          nullptr, nullptr, &session)));
        return WritingSession(cryptoki, session);
    }
    ~WritingSession() {
        if (cryptoki_ != nullptr) {
            cryptoki_->C_CloseSession(session_);
        }
    }
    WritingSession(WritingSession&& other) noexcept
        : cryptoki_(std::exchange(other.cryptoki_, nullptr)), session_(other.session_) {}
    WritingSession& operator=(WritingSession&&) = delete;
    WritingSession(const WritingSession&) = delete;
    WritingSession& operator=(const WritingSession&) = delete;

    CK_SESSION_HANDLE get() const noexcept { return session_; }

private:
    WritingSession(CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session)
        : cryptoki_(&cryptoki), session_(session) {}

    CK_FUNCTION_LIST* cryptoki_;
    CK_SESSION_HANDLE session_;
};

/// To whom is not logged in, a token full of keys looks empty.
Status still_logged_in(const CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session) {
    CK_SESSION_INFO info{};
    CHECK_OK(check("C_GetSessionInfo", cryptoki.C_GetSessionInfo(session, &info)));
    return info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS
               ? Status::done()
               : Status(error_from("C_GetSessionInfo", CKR_USER_NOT_LOGGED_IN));
}

}  // namespace

Result<std::unique_ptr<InlineToken>> InlineToken::open(const TokenSettings& settings,
                                                       LoginGate& gate) {
    if (settings.pin_file.empty()) {
        return Error(ErrorCode::config_invalid,
                     "systemd passed no PIN: the unit needs LoadCredential= for it");
    }
    TRY(const Secret pin, base::read_secret_file(settings.pin_file));
    std::unique_ptr<InlineToken> token(new InlineToken());
    TRY(token->module_, Module::load(settings.module));
    TRY(PKCS11_SLOT* const slot, token->module_->find(settings.uri));
    token->slot_ = slot_id(*slot);
    token->description_ = description_of(describe(*slot));
    CHECK_OK(token->module_->may_log_in(token->slot_));
    CHECK_OK(token->open_sessions(*slot, settings.sessions));
    CHECK_OK(token->log_in(pin, gate));
    CHECK_OK(token->find_and_prove_keys());
    return token;
}

Status InlineToken::open_sessions(PKCS11_SLOT& slot, std::size_t wanted) {
    CK_FUNCTION_LIST& cryptoki = module_->cryptoki();
    sessions_ = std::make_unique<SessionPool>(cryptoki, slot_id(slot));
    return sessions_->open(session_limit(cryptoki, slot_, std::max<std::size_t>(wanted, 1)));
}

/// One login serves every session of the token. Cryptoki is called directly: libp11 would keep a
/// copy of the PIN in plain memory.
Status InlineToken::log_in(const Secret& pin, LoginGate& gate) {
    TRY(const auto session, sessions_->borrow(base::deadline_in(kOpeningWait)));
    // Once more: sessions can take their time, and somebody else may have spent tries meanwhile.
    CHECK_OK(module_->may_log_in(slot_));
    CHECK_OK(gate.may_log_in());
    const CK_RV rv = module_->cryptoki().C_Login(
        session.get(), CKU_USER, const_cast<CK_UTF8CHAR_PTR>(pin.expose().data()), pin.size());
    Status answer = rv == CKR_USER_ALREADY_LOGGED_IN ? Status::done() : check("C_Login", rv);
    gate.login_answered(answer);
    return answer;
}

Status InlineToken::find_and_prove_keys() {
    TRY(auto session, sessions_->borrow(base::deadline_in(kOpeningWait)));
    TRY(KeyObjects objects, find_keys(module_->cryptoki(), session.get()));
    CHECK_OK(still_logged_in(module_->cryptoki(), session.get()));
    auto snapshot = std::make_shared<hsm::KeySnapshot>();
    auto fresh = std::make_shared<Found>();
    snapshot->unusable = std::move(objects.unusable);
    for (const KeyObject& object : objects.usable) {
        CHECK_OK(prove_or_set_aside(object, session, *snapshot, *fresh));
    }
    fresh->snapshot = std::move(snapshot);
    const std::lock_guard lock(found_mutex_);
    found_ = std::move(fresh);
    return Status::done();
}

/// A handle says nothing about the key behind it, so each key signs once before it is trusted, or
/// once more when that does not verify.
Status InlineToken::prove(const KeyObject& object, CK_SESSION_HANDLE session,
                          hsm::KeySnapshot& snapshot, Found& found) const {
    const Handle handle{object.handle, object.key.public_key.algorithm()};
    for (int attempt = 0; attempt < 2; ++attempt) {
        TRY(const auto probe, crypto::ProbeInput::fresh());
        const auto signature = sign_in(session, handle, probe.bytes());
        if (!signature.ok() && remedy_of(signature.error()) == Remedy::request) {
            // The token does not sign with such a key; its other keys are none the worse for it.
            snapshot.unusable.push_back(
                {object.key.id.text(), key_label(object.key.name), signature.error()});
            return Status::done();
        }
        if (!signature.ok()) {
            return signature.error();
        }
        if (object.key.public_key.verifies(probe.bytes(), *signature)) {
            found.handles.emplace(object.key.id, handle);
            snapshot.keys.push_back(object.key);
            return Status::done();
        }
    }
    Error unproven(ErrorCode::key_quarantined,
                   "its signature does not verify with its public half");
    unproven.call = "C_Sign";
    snapshot.unusable.push_back(
        {object.key.id.text(), key_label(object.key.name), std::move(unproven)});
    return Status::done();
}

/// A call that fails is the device's trouble, unless the device signs with a key it makes for that:
/// a process that dies while a key is made can leave one whose every signature fails, and the other
/// keys are none the worse for it.
Status InlineToken::prove_or_set_aside(const KeyObject& object, SessionPool::Lease& session,
                                       hsm::KeySnapshot& snapshot, Found& found) const {
    Status proven = prove(object, session.get(), snapshot, found);
    if (proven.ok() || !signs_with_a_new_key(object).ok()) {
        return proven;
    }
    CHECK_OK(sessions_->replace(session));
    proven = prove(object, session.get(), snapshot, found);
    if (proven.ok()) {
        return proven;  // it was something that passed
    }
    Error unfinished(ErrorCode::key_quarantined,
                     "the token does not sign with this key, but does with a new one");
    unfinished.call = proven.error().call;
    unfinished.native = proven.error().native;
    snapshot.unusable.push_back(
        {object.key.id.text(), key_label(object.key.name), std::move(unfinished)});
    return sessions_->replace(session);
}

/// With one of the same kind, which goes with its session.
Status InlineToken::signs_with_a_new_key(const KeyObject& like) const {
    TRY(const auto session, WritingSession::open(module_->cryptoki(), slot_));
    const auto algorithm = like.key.public_key.algorithm();
    TRY(const KeyObject made, generate_key(module_->cryptoki(), session.get(), like.key.name,
                                           algorithm, Lifetime::session));
    TRY(const auto probe, crypto::ProbeInput::fresh());
    TRY(const auto signature, sign_in(session.get(), {made.handle, algorithm}, probe.bytes()));
    return made.key.public_key.verifies(probe.bytes(), signature)
               ? Status::done()
               : Status(Error(ErrorCode::hsm_down, "the token signs wrongly"));
}

std::shared_ptr<const InlineToken::Found> InlineToken::found() const {
    const std::lock_guard lock(found_mutex_);
    return found_;
}

std::shared_ptr<const hsm::KeySnapshot> InlineToken::keys() const {
    return found()->snapshot;
}

Result<crypto::Signature> InlineToken::sign(const hsm::KeyId& key, ByteView message,
                                            Deadline deadline) {
    const auto found = this->found();
    const auto handle = found->handles.find(key);
    if (handle == found->handles.end()) {
        return Error(ErrorCode::key_missing, "key " + key.text() + " is not on the token");
    }
    TRY(auto session, sessions_->borrow(deadline));
    auto signature = sign_in(session.get(), handle->second, message);
    if (!signature.ok() && remedy_of(signature.error()) == Remedy::session) {
        CHECK_OK(sessions_->replace(session));
    }
    return signature;
}

Result<crypto::Signature> InlineToken::sign_in(CK_SESSION_HANDLE session, const Handle& key,
                                               ByteView message) const {
    const CK_FUNCTION_LIST& cryptoki = module_->cryptoki();
    CK_MECHANISM mechanism = signing_mechanism(key.algorithm);
    CHECK_OK(check("C_SignInit", cryptoki.C_SignInit(session, &mechanism, key.object)));
    // CKM_ECDSA signs a digest and takes whatever length it is given; the hashing is ours.
    crypto::Sha256 digest{};
    if (key.algorithm == crypto::Algorithm::p256) {
        digest = crypto::sha256(message);
        message = digest;
    }
    std::array<std::uint8_t, kSignatureBuffer> out{};
    CK_ULONG size = out.size();
    CHECK_OK(check("C_Sign", cryptoki.C_Sign(session, const_cast<CK_BYTE_PTR>(message.data()),
                                             message.size(), out.data(), &size)));
    crypto::Signature signature{};
    if (size != signature.size()) {
        return error_from("C_Sign", CKR_SIGNATURE_LEN_RANGE);
    }
    std::copy_n(out.begin(), signature.size(), signature.begin());
    if (key.algorithm == crypto::Algorithm::p256) {
        crypto::use_low_s(signature);
    }
    return signature;
}

Result<hsm::StoredKey> InlineToken::generate(const hsm::KeyName& name,
                                             crypto::Algorithm algorithm) {
    const std::lock_guard one_at_a_time(changing_);
    const auto before = keys();
    const auto same_name = [&](const hsm::StoredKey& key) { return key.name == name; };
    if (std::ranges::any_of(before->keys, same_name)) {
        return Error(ErrorCode::key_exists, "the token holds " + key_label(name) + " already");
    }
    TRY(const auto session, WritingSession::open(module_->cryptoki(), slot_));
    TRY(const KeyObject made, generate_key(module_->cryptoki(), session.get(), name, algorithm));
    CHECK_OK(find_and_prove_keys());
    const auto after = keys();
    const auto found = std::ranges::find(after->keys, made.key.id, &hsm::StoredKey::id);
    if (found == after->keys.end()) {
        return Error(ErrorCode::key_quarantined,
                     "the new key " + made.key.id.text() + " failed its first signature");
    }
    return *found;
}

/// The keys are found and proven anew on both sides of it: another process may have completed one.
Status InlineToken::discard(const std::string& handle) {
    const std::lock_guard one_at_a_time(changing_);
    CHECK_OK(find_and_prove_keys());
    const auto before = keys();
    const auto meant = [&](const hsm::StoredKey& key) { return key.id.text() == handle; };
    if (std::ranges::any_of(before->keys, meant)) {
        return Error(ErrorCode::key_in_use,
                     "the key can sign; only what cannot be used is discarded");
    }
    TRY(const auto session, WritingSession::open(module_->cryptoki(), slot_));
    CHECK_OK(destroy_objects(module_->cryptoki(), session.get(), handle));
    return find_and_prove_keys();
}

Status InlineToken::destroy(const hsm::KeyId& key) {
    const std::lock_guard one_at_a_time(changing_);
    TRY(const auto session, WritingSession::open(module_->cryptoki(), slot_));
    Status destroyed = destroy_objects(module_->cryptoki(), session.get(), key.text());
    if (!destroyed.ok() && destroyed.error().code != ErrorCode::invalid_field) {
        return destroyed;
    }
    CHECK_OK(find_and_prove_keys());
    const auto after = keys();
    return holds(*after, key)
               ? Status(Error(ErrorCode::key_in_use, "the token still shows key " + key.text() +
                                                         " after it was destroyed"))
               : Status::done();
}

}  // namespace clawsigner::pkcs11
