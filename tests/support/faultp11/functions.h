#pragma once

#include <p11-kit/pkcs11.h>

#include <array>
#include <cstddef>
#include <string_view>

/// Every function of CK_FUNCTION_LIST, in its order, with what its first argument names.
#define FAULTP11_FUNCTIONS(X)         \
    X(C_Initialize, nothing)          \
    X(C_Finalize, nothing)            \
    X(C_GetInfo, nothing)             \
    X(C_GetFunctionList, nothing)     \
    X(C_GetSlotList, nothing)         \
    X(C_GetSlotInfo, slot)            \
    X(C_GetTokenInfo, slot)           \
    X(C_GetMechanismList, slot)       \
    X(C_GetMechanismInfo, slot)       \
    X(C_InitToken, slot)              \
    X(C_InitPIN, session)             \
    X(C_SetPIN, session)              \
    X(C_OpenSession, slot)            \
    X(C_CloseSession, session)        \
    X(C_CloseAllSessions, slot)       \
    X(C_GetSessionInfo, session)      \
    X(C_GetOperationState, session)   \
    X(C_SetOperationState, session)   \
    X(C_Login, session)               \
    X(C_Logout, session)              \
    X(C_CreateObject, session)        \
    X(C_CopyObject, session)          \
    X(C_DestroyObject, session)       \
    X(C_GetObjectSize, session)       \
    X(C_GetAttributeValue, session)   \
    X(C_SetAttributeValue, session)   \
    X(C_FindObjectsInit, session)     \
    X(C_FindObjects, session)         \
    X(C_FindObjectsFinal, session)    \
    X(C_EncryptInit, session)         \
    X(C_Encrypt, session)             \
    X(C_EncryptUpdate, session)       \
    X(C_EncryptFinal, session)        \
    X(C_DecryptInit, session)         \
    X(C_Decrypt, session)             \
    X(C_DecryptUpdate, session)       \
    X(C_DecryptFinal, session)        \
    X(C_DigestInit, session)          \
    X(C_Digest, session)              \
    X(C_DigestUpdate, session)        \
    X(C_DigestKey, session)           \
    X(C_DigestFinal, session)         \
    X(C_SignInit, session)            \
    X(C_Sign, session)                \
    X(C_SignUpdate, session)          \
    X(C_SignFinal, session)           \
    X(C_SignRecoverInit, session)     \
    X(C_SignRecover, session)         \
    X(C_VerifyInit, session)          \
    X(C_Verify, session)              \
    X(C_VerifyUpdate, session)        \
    X(C_VerifyFinal, session)         \
    X(C_VerifyRecoverInit, session)   \
    X(C_VerifyRecover, session)       \
    X(C_DigestEncryptUpdate, session) \
    X(C_DecryptDigestUpdate, session) \
    X(C_SignEncryptUpdate, session)   \
    X(C_DecryptVerifyUpdate, session) \
    X(C_GenerateKey, session)         \
    X(C_GenerateKeyPair, session)     \
    X(C_WrapKey, session)             \
    X(C_UnwrapKey, session)           \
    X(C_DeriveKey, session)           \
    X(C_SeedRandom, session)          \
    X(C_GenerateRandom, session)      \
    X(C_GetFunctionStatus, session)   \
    X(C_CancelFunction, session)      \
    X(C_WaitForSlotEvent, nothing)

namespace faultp11 {

enum class First { nothing, slot, session };

#define ENUMERATOR(name, first) name,
enum class Function : std::size_t { FAULTP11_FUNCTIONS(ENUMERATOR) };
#undef ENUMERATOR

#define NAME(name, first) std::string_view(#name),
inline constexpr std::array kFunctionNames{FAULTP11_FUNCTIONS(NAME)};
#undef NAME
inline constexpr std::size_t kFunctions = kFunctionNames.size();

/// kMember is the function's place in CK_FUNCTION_LIST.
template <Function F>
struct Traits;

#define TRAITS(name, first)                                      \
    template <>                                                  \
    struct Traits<Function::name> {                              \
        static constexpr auto kMember = &CK_FUNCTION_LIST::name; \
        static constexpr First kFirst = First::first;            \
    };
FAULTP11_FUNCTIONS(TRAITS)
#undef TRAITS

}  // namespace faultp11
