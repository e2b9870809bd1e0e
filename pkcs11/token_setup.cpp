#include "pkcs11/token_setup.h"

#include "pkcs11/error.h"
#include "pkcs11/module.h"

#include <algorithm>
#include <array>

namespace clawsigner::pkcs11 {
namespace {

/// Cryptoki takes PINs as (pointer to non-const, length) and does not write to them.
CK_UTF8CHAR_PTR pin_pointer(const Secret& pin) {
    return const_cast<CK_UTF8CHAR_PTR>(pin.expose().data());
}

Status set_user_pin(CK_FUNCTION_LIST& cryptoki, CK_SLOT_ID slot, const Secret& so_pin,
                    const Secret& user_pin) {
    CK_SESSION_HANDLE session = 0;
    CHECK_OK(
        check("C_OpenSession", cryptoki.C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
                                                      nullptr, nullptr, &session)));
    Status done =
        check("C_Login", cryptoki.C_Login(session, CKU_SO, pin_pointer(so_pin), so_pin.size()));
    if (done.ok()) {
        done =
            check("C_InitPIN", cryptoki.C_InitPIN(session, pin_pointer(user_pin), user_pin.size()));
    }
    cryptoki.C_CloseSession(session);  // the last session of the token: logs the officer out
    return done;
}

}  // namespace

Status initialise_token(const std::filesystem::path& module, const std::string& label,
                        const Secret& so_pin, const Secret& user_pin) {
    TRY(const auto loaded, Module::load(module));
    const auto tokens = loaded->tokens();
    const auto blank = std::ranges::find_if(
        tokens, [](const PKCS11_SLOT* slot) { return slot->token->initialized == 0; });
    if (blank == tokens.end()) {
        return Error(ErrorCode::hsm_down, "the module has no uninitialised token");
    }
    std::array<CK_UTF8CHAR, 32> padded{};  // CK_TOKEN_INFO: blank-padded, no NUL
    padded.fill(' ');
    std::copy_n(label.begin(), std::min(label.size(), padded.size()), padded.begin());
    CK_FUNCTION_LIST& cryptoki = loaded->cryptoki();
    const CK_SLOT_ID slot = slot_id(**blank);
    CHECK_OK(check("C_InitToken",
                   cryptoki.C_InitToken(slot, pin_pointer(so_pin), so_pin.size(), padded.data())));
    return set_user_pin(cryptoki, slot, so_pin, user_pin);
}

}  // namespace clawsigner::pkcs11
