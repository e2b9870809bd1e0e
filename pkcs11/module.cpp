#include "pkcs11/module.h"

#include "pkcs11/error.h"

#include <dlfcn.h>

namespace clawsigner::pkcs11 {
namespace {

std::string or_empty(const char* text) {
    return text == nullptr ? std::string() : std::string(text);
}

/// The CK_RV behind libp11's last -1, or the general one when libp11 failed by itself. libp11 puts
/// it into OpenSSL's error queue as the reason, under a library number that ERR_get_CKR_code (so
/// named) returns.
CK_RV last_rv() {
    CK_RV rv = CKR_GENERAL_ERROR;
    for (unsigned long error = ERR_get_error(); error != 0; error = ERR_get_error()) {
        if (ERR_GET_LIB(error) == ERR_get_CKR_code()) {
            rv = static_cast<CK_RV>(ERR_GET_REASON(error));
        }
    }
    return rv;
}

Error not_loaded(const std::filesystem::path& path, std::string_view why) {
    return {ErrorCode::hsm_down, "cannot load " + path.string() + ": " + std::string(why)};
}

/// The module's own function list. The object is loaded already, so this only finds it again.
Result<CK_FUNCTION_LIST*> function_list(const std::filesystem::path& path) {
    void* object = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (object == nullptr) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc keeps the message per thread
        return not_loaded(path, or_empty(::dlerror()));
    }
    auto* get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(object, "C_GetFunctionList"));
    ::dlclose(object);  // NODELETE: it stays mapped
    CK_FUNCTION_LIST* functions = nullptr;
    if (get == nullptr || get(&functions) != CKR_OK || functions == nullptr) {
        return not_loaded(path, "it has no C_GetFunctionList");
    }
    return functions;
}

Error pin_held(std::string_view why) {
    return {ErrorCode::pin_held, std::string(why)};
}

}  // namespace

Result<std::unique_ptr<Module>> Module::load(const std::filesystem::path& path) {
    // dlopen first: its message says what is wrong, libp11's does not.
    TRY(CK_FUNCTION_LIST* const functions, function_list(path));
    std::unique_ptr<Module> module(new Module());
    module->functions_ = functions;
    module->context_ = PKCS11_CTX_new();
    if (module->context_ == nullptr) {
        return not_loaded(path, "out of memory");
    }
    if (PKCS11_CTX_load(module->context_, path.c_str()) != 0) {
        return error_from("C_Initialize", last_rv());
    }
    module->loaded_ = true;
    if (PKCS11_enumerate_slots(module->context_, &module->slots_, &module->slot_count_) != 0) {
        return error_from("C_GetSlotList", last_rv());
    }
    return module;
}

Module::~Module() {
    if (slots_ != nullptr) {
        PKCS11_release_all_slots(context_, slots_, slot_count_);
    }
    if (loaded_) {
        PKCS11_CTX_unload(context_);
    }
    if (context_ != nullptr) {
        PKCS11_CTX_free(context_);
    }
    ERR_clear_error();
}

std::vector<PKCS11_SLOT*> Module::tokens() const {
    std::vector<PKCS11_SLOT*> present;
    for (unsigned i = 0; i < slot_count_; ++i) {
        if (slots_[i].token != nullptr) {
            present.push_back(&slots_[i]);
        }
    }
    return present;
}

namespace {

/// What an operator needs to mend the URI: the labels and serials there are.
std::string present(const Module& module) {
    constexpr std::size_t kMost = 8;
    std::string list;
    std::size_t named = 0;
    for (PKCS11_SLOT* slot : module.tokens()) {
        const TokenDescription token = describe(*slot);
        if (!token.label.empty() && ++named <= kMost) {
            list.append(list.empty() ? "" : ", ").append("token=").append(token.label);
            list.append(" serial=").append(token.serial);
        }
    }
    return "; there is " + (list.empty() ? "none" : list);
}

}  // namespace

Result<PKCS11_SLOT*> Module::find(const TokenUri& uri) const {
    PKCS11_SLOT* found = nullptr;
    for (PKCS11_SLOT* slot : tokens()) {
        if (!matches(uri, describe(*slot))) {
            continue;
        }
        if (found != nullptr) {
            return Error(ErrorCode::hsm_down,
                         "more than one token answers to the URI; add its serial");
        }
        found = slot;
    }
    if (found == nullptr) {
        return Error(ErrorCode::hsm_down,
                     "no token that is present matches the URI" + present(*this));
    }
    return found;
}

Status Module::may_log_in(CK_SLOT_ID slot) const {
    CK_TOKEN_INFO info{};
    CHECK_OK(check("C_GetTokenInfo", functions_->C_GetTokenInfo(slot, &info)));
    if ((info.flags & CKF_USER_PIN_LOCKED) != 0) {
        return pin_held(
            "the token's PIN is locked; unlock it with its own tools, then: clawsigner pin retry");
    }
    if ((info.flags & CKF_USER_PIN_FINAL_TRY) != 0) {
        return pin_held(
            "the token has one PIN try left, which is not spent by a machine; log in once by hand, "
            "then: clawsigner pin retry");
    }
    if ((info.flags & CKF_USER_PIN_INITIALIZED) == 0) {
        // Somebody is making this token right now. SoftHSM writes the token's file on C_Login,
        // over what that somebody is writing.
        return Error(ErrorCode::hsm_down, "the token has no user PIN yet");
    }
    return Status::done();
}

CK_SLOT_ID slot_id(PKCS11_SLOT& slot) noexcept {
    return PKCS11_get_slotid_from_slot(&slot);
}

TokenDescription describe(PKCS11_SLOT& slot) {
    const PKCS11_TOKEN& token = *slot.token;
    return {or_empty(token.label), or_empty(token.manufacturer), or_empty(token.model),
            or_empty(token.serialnr), slot_id(slot)};
}

}  // namespace clawsigner::pkcs11
