#pragma once

#include "base/result.h"
#include "pkcs11/uri.h"

#include <libp11.h>
#include <p11-kit/pkcs11.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace clawsigner::pkcs11 {

/// A loaded and initialised PKCS#11 module: libp11 for loading, slots and login, and beside it the
/// module's own function list for what libp11 0.4.12 cannot do
/// (docs/adr/0003-cryptoki-beside-libp11.md).
///
/// One per module and process at a time: the destructor calls C_Finalize, which ends every session
/// of every token behind it. No other thread may be inside the module then. The shared object
/// itself stays mapped; modules do not all survive dlclose.
class Module {
public:
    /// Error: hsm_down, with the reason the loader or C_Initialize gave.
    static Result<std::unique_ptr<Module>> load(const std::filesystem::path& path);

    ~Module();
    Module(const Module&) = delete;
    Module& operator=(const Module&) = delete;

    CK_FUNCTION_LIST& cryptoki() const noexcept { return *functions_; }

    /// The tokens present, in slot order. The pointers live as long as the module.
    std::vector<PKCS11_SLOT*> tokens() const;
    /// The one present token the URI names. Error: hsm_down, when it is none or more than one.
    Result<PKCS11_SLOT*> find(const TokenUri& uri) const;

    /// May a machine try the PIN? Not one that the token, asked now, says is locked or on its last
    /// try. Errors: pin_held; hsm_down, while the token has no PIN yet; as error_from.
    Status may_log_in(CK_SLOT_ID slot) const;

private:
    Module() = default;

    PKCS11_CTX* context_ = nullptr;
    bool loaded_ = false;
    PKCS11_SLOT* slots_ = nullptr;
    unsigned slot_count_ = 0;
    CK_FUNCTION_LIST* functions_ = nullptr;
};

CK_SLOT_ID slot_id(PKCS11_SLOT& slot) noexcept;
TokenDescription describe(PKCS11_SLOT& slot);

}  // namespace clawsigner::pkcs11
