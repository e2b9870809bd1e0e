#pragma once

#include "faultp11/state.h"

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

namespace faultp11 {

/// The sessions this process has open, and those that were closed behind its back.
class Sessions {
public:
    /// `state` outlives it.
    explicit Sessions(State& state) : state_(state) {}

    void opened(CK_SESSION_HANDLE session, CK_SLOT_ID slot);
    void closed(CK_SESSION_HANDLE session);
    void closed_all_of(CK_SLOT_ID slot);
    /// C_Finalize: there are none, and none was dropped.
    void forget_all();
    /// Takes every open session for dropped from here on. Returns them.
    std::vector<CK_SESSION_HANDLE> drop_all();

    bool was_dropped(CK_SESSION_HANDLE session) const;
    std::size_t count() const;
    std::optional<CK_SESSION_HANDLE> any() const;

private:
    void tell_state() { state_.set_sessions(open_.size()); }

    State& state_;
    mutable std::mutex mutex_;
    std::map<CK_SESSION_HANDLE, CK_SLOT_ID> open_;
    std::set<CK_SESSION_HANDLE> dropped_;
};

}  // namespace faultp11
