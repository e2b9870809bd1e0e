#pragma once

#include "faultp11/effects.h"

#include <algorithm>

namespace faultp11 {

CK_FUNCTION_LIST& function_list();

/// Asks the real module.
template <Function F, class... Args>
CK_RV pass(Setup& setup, Args... args) {
    std::shared_lock beside_others(setup.gate, std::defer_lock);
    if constexpr (F != Function::C_WaitForSlotEvent) {  // it waits for as long as it takes
        beside_others.lock();
    }
    return (setup.real().*Traits<F>::kMember)(args...);
}

/// What a function needs besides being passed on; most need nothing.
template <Function F>
struct Call {
    template <class... Args>
    static CK_RV make(Setup& setup, const Due&, Args... args) {
        return pass<F>(setup, args...);
    }
};

template <>
struct Call<Function::C_GetFunctionList> {
    static CK_RV make(Setup&, const Due&, CK_FUNCTION_LIST** list) {
        *list = &function_list();
        return CKR_OK;
    }
};

template <>
struct Call<Function::C_Finalize> {
    static CK_RV make(Setup& setup, const Due&, void* reserved) {
        const CK_RV rv = pass<Function::C_Finalize>(setup, reserved);
        if (rv == CKR_OK) {
            setup.sessions.forget_all();
        }
        return rv;
    }
};

template <>
struct Call<Function::C_GetTokenInfo> {
    static CK_RV make(Setup& setup, const Due& due, CK_SLOT_ID slot, CK_TOKEN_INFO* info) {
        const CK_RV rv = pass<Function::C_GetTokenInfo>(setup, slot, info);
        if (const auto limit = session_limit(*due.script); rv == CKR_OK && limit) {
            info->ulMaxSessionCount = *limit;
            info->ulMaxRwSessionCount = *limit;
        }
        if (const Line* const line = due.find(Effect::token_flag);
            rv == CKR_OK && line != nullptr) {
            info->flags |= line->argument;
        }
        return rv;
    }
};

template <>
struct Call<Function::C_OpenSession> {
    static CK_RV make(Setup& setup, const Due& due, CK_SLOT_ID slot, CK_FLAGS flags,
                      void* application, CK_NOTIFY notify, CK_SESSION_HANDLE* session) {
        const std::lock_guard one_at_a_time(setup.opening);
        const Line* const limit = due.find(Effect::limit);
        if (limit != nullptr && setup.sessions.count() >= limit->argument) {
            return CKR_SESSION_COUNT;
        }
        const CK_RV rv =
            pass<Function::C_OpenSession>(setup, slot, flags, application, notify, session);
        if (rv == CKR_OK) {
            setup.sessions.opened(*session, slot);
        }
        return rv;
    }
};

template <>
struct Call<Function::C_CloseSession> {
    static CK_RV make(Setup& setup, const Due&, CK_SESSION_HANDLE session) {
        const CK_RV rv = pass<Function::C_CloseSession>(setup, session);
        if (rv == CKR_OK) {
            setup.sessions.closed(session);
        }
        return rv;
    }
};

template <>
struct Call<Function::C_CloseAllSessions> {
    static CK_RV make(Setup& setup, const Due&, CK_SLOT_ID slot) {
        const CK_RV rv = pass<Function::C_CloseAllSessions>(setup, slot);
        if (rv == CKR_OK) {
            setup.sessions.closed_all_of(slot);
        }
        return rv;
    }
};

template <>
struct Call<Function::C_SignInit> {
    static CK_RV make(Setup& setup, const Due& due, CK_SESSION_HANDLE session,
                      CK_MECHANISM* mechanism, CK_OBJECT_HANDLE key) {
        if (due.find(Effect::swap) != nullptr) {
            key = other_private_key(setup, session, key);
        }
        return pass<Function::C_SignInit>(setup, session, mechanism, key);
    }
};

template <>
struct Call<Function::C_Sign> {
    static CK_RV make(Setup& setup, const Due& due, CK_SESSION_HANDLE session, CK_BYTE* data,
                      CK_ULONG data_size, CK_BYTE* signature, CK_ULONG* size) {
        const CK_RV rv = pass<Function::C_Sign>(setup, session, data, data_size, signature, size);
        if (rv == CKR_OK) {
            after_signature(setup, due, signature, *size);
        }
        return rv;
    }
};

template <>
struct Call<Function::C_SignFinal> {
    static CK_RV make(Setup& setup, const Due& due, CK_SESSION_HANDLE session, CK_BYTE* signature,
                      CK_ULONG* size) {
        const CK_RV rv = pass<Function::C_SignFinal>(setup, session, signature, size);
        if (rv == CKR_OK) {
            after_signature(setup, due, signature, *size);
        }
        return rv;
    }
};

}  // namespace faultp11
