#include "faultp11/calls.h"

#include <tuple>

namespace faultp11 {
namespace {

/// A call into a session that the script has dropped.
template <Function F, class... Args>
bool session_is_gone(const Setup& setup, const Args&... args) {
    if constexpr (Traits<F>::kFirst == First::session) {
        return setup.sessions.was_dropped(std::get<0>(std::tie(args...)));
    }
    return false;
}

template <Function F, class... Args>
CK_RV answer(Setup& setup, Args... args) {
    const Due due = setup.due(F);
    if (const auto refused = before_call(setup, due)) {
        return *refused;
    }
    return session_is_gone<F>(setup, args...) ? CKR_SESSION_HANDLE_INVALID
                                              : Call<F>::make(setup, due, args...);
}

/// What a caller finds in the function list: made from nothing but the function's place there.
template <Function F, class Member = decltype(Traits<F>::kMember)>
struct Wrapped;

template <Function F, class... Args>
struct Wrapped<F, CK_RV (*CK_FUNCTION_LIST::* const)(Args...)> {
    static CK_RV call(Args... args) {
        const auto setup = setup_for(F);
        if (setup == nullptr) {
            return CKR_GENERAL_ERROR;
        }
        const CK_RV rv = answer<F>(*setup, args...);
        if constexpr (F == Function::C_Login) {
            setup->state->count_login(rv);
        }
        return rv;
    }
};

}  // namespace

CK_FUNCTION_LIST& function_list() {
#define ENTRY(name, first) &Wrapped<Function::name>::call,
    static CK_FUNCTION_LIST list{{2, 40}, FAULTP11_FUNCTIONS(ENTRY)};
#undef ENTRY
    return list;
}

}  // namespace faultp11

// Nothing else of this module is seen from outside.
extern "C" [[gnu::visibility("default")]] CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
    *list = &faultp11::function_list();
    return CKR_OK;
}
