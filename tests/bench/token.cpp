#include "bench/token.h"

#include "base/file.h"
#include "bench/message.h"
#include "bench/verifier.h"
#include "crypto/digest.h"
#include "pkcs11/error.h"
#include "pkcs11/key_objects.h"

#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <array>
#include <dlfcn.h>
#include <optional>
#include <vector>

namespace clawsigner::bench {
namespace {

using crypto::Algorithm;
using pkcs11::check;

constexpr std::size_t kSignatureBuffer = 512;

/// Stays loaded until the process ends.
Result<CK_FUNCTION_LIST*> load(const std::filesystem::path& path) {
    void* const module = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    const auto get_list =
        module == nullptr
            ? nullptr
            : reinterpret_cast<CK_C_GetFunctionList>(::dlsym(module, "C_GetFunctionList"));
    if (get_list == nullptr) {
        return Error(ErrorCode::io_failed, "cannot load " + path.string() + ": " + ::dlerror());
    }
    CK_FUNCTION_LIST* list = nullptr;
    CHECK_OK(check("C_GetFunctionList", get_list(&list)));
    CK_C_INITIALIZE_ARGS threads{};
    threads.flags = CKF_OS_LOCKING_OK;
    CHECK_OK(check("C_Initialize", list->C_Initialize(&threads)));
    return list;
}

bool has_label(const CK_TOKEN_INFO& token, std::string_view label) {
    const std::string_view padded(reinterpret_cast<const char*>(token.label), sizeof token.label);
    return padded.substr(0, padded.find_last_not_of(' ') + 1) == label;
}

Result<CK_SLOT_ID> find_slot(const CK_FUNCTION_LIST& cryptoki, const std::string& label) {
    std::array<CK_SLOT_ID, 16> slots{};
    CK_ULONG count = slots.size();
    CHECK_OK(check("C_GetSlotList", cryptoki.C_GetSlotList(CK_TRUE, slots.data(), &count)));
    for (const CK_SLOT_ID slot : std::span(slots).first(count)) {
        CK_TOKEN_INFO info{};
        if (cryptoki.C_GetTokenInfo(slot, &info) == CKR_OK && has_label(info, label)) {
            return slot;
        }
    }
    return Error(ErrorCode::key_missing, "there is no token " + label);
}

Result<std::vector<CK_SESSION_HANDLE>> open_sessions(const CK_FUNCTION_LIST& cryptoki,
                                                     CK_SLOT_ID slot, std::size_t count) {
    std::vector<CK_SESSION_HANDLE> sessions(count);
    for (CK_SESSION_HANDLE& session : sessions) {
        CHECK_OK(check("C_OpenSession", cryptoki.C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr,
                                                               nullptr, &session)));
    }
    return sessions;
}

Status log_in(const CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session,
              const std::filesystem::path& pin_file) {
    TRY(const Secret pin, base::read_secret_file(pin_file));
    return check("C_Login",
                 cryptoki.C_Login(session, CKU_USER,
                                  const_cast<CK_UTF8CHAR_PTR>(pin.expose().data()), pin.size()));
}

Result<pkcs11::KeyObject> receipt_key(CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session) {
    TRY(const auto found, pkcs11::find_keys(cryptoki, session));
    for (const pkcs11::KeyObject& object : found.usable) {
        if (object.key.name.family == crypto::Family::gateway_receipt) {
            return object;
        }
    }
    return Error(ErrorCode::key_missing, "the token has no key for gateway receipts");
}

/// What Cryptoki is given: the message for Ed25519, its SHA-256 for P-256.
Bytes bytes_to_sign(Algorithm algorithm) {
    const ByteView message = base::as_bytes(kMessage);
    const crypto::Sha256 digest = crypto::sha256(message);
    return algorithm == Algorithm::p256 ? Bytes(digest.begin(), digest.end())
                                        : Bytes(message.begin(), message.end());
}

/// One thread's work.
Status sign_until_over(const CK_FUNCTION_LIST& cryptoki, CK_SESSION_HANDLE session,
                       const pkcs11::KeyObject& key, Verifier* verifier, Tally& tally) {
    const Algorithm algorithm = key.key.public_key.algorithm();
    CK_MECHANISM mechanism{algorithm == Algorithm::p256 ? CKM_ECDSA : CKM_EDDSA, nullptr, 0};
    Bytes bytes = bytes_to_sign(algorithm);
    std::array<CK_BYTE, kSignatureBuffer> signature{};
    for (TimePoint began = Clock::now(); !tally.over(); began = tally.ended(began)) {
        CK_ULONG size = signature.size();
        CHECK_OK(check("C_SignInit", cryptoki.C_SignInit(session, &mechanism, key.handle)));
        CHECK_OK(check("C_Sign", cryptoki.C_Sign(session, bytes.data(), bytes.size(),
                                                 signature.data(), &size)));
        if (verifier != nullptr && !verifier->verifies(bytes, ByteView(signature).first(size))) {
            return Error(ErrorCode::key_quarantined, "a signature did not verify");
        }
    }
    return Status::done();
}

}  // namespace

Result<Figures> sign_raw(const RawSigning& signing, const Span& span) {
    TRY(CK_FUNCTION_LIST* const cryptoki, load(signing.module));
    TRY(const CK_SLOT_ID slot, find_slot(*cryptoki, signing.token));
    TRY(const auto sessions, open_sessions(*cryptoki, slot, signing.threads));
    CHECK_OK(log_in(*cryptoki, sessions.front(), signing.pin_file));
    TRY(const pkcs11::KeyObject key, receipt_key(*cryptoki, sessions.front()));
    auto figures =
        in_threads(signing.threads, span, [&](std::size_t index, Tally& tally) -> Status {
            TRY(Verifier verifier, Verifier::of(key.key.public_key));
            return sign_until_over(*cryptoki, sessions[index], key,
                                   signing.verify ? &verifier : nullptr, tally);
        });
    cryptoki->C_Finalize(nullptr);
    return figures;
}

}  // namespace clawsigner::bench
