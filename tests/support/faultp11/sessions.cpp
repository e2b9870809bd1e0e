#include "faultp11/sessions.h"

namespace faultp11 {

void Sessions::opened(CK_SESSION_HANDLE session, CK_SLOT_ID slot) {
    const std::lock_guard lock(mutex_);
    dropped_.erase(session);  // the module gives the number out again
    open_[session] = slot;
    tell_state();
}

void Sessions::closed(CK_SESSION_HANDLE session) {
    const std::lock_guard lock(mutex_);
    open_.erase(session);
    tell_state();
}

void Sessions::closed_all_of(CK_SLOT_ID slot) {
    const std::lock_guard lock(mutex_);
    std::erase_if(open_, [slot](const auto& session) { return session.second == slot; });
    tell_state();
}

void Sessions::forget_all() {
    const std::lock_guard lock(mutex_);
    open_.clear();
    dropped_.clear();
    tell_state();
}

std::vector<CK_SESSION_HANDLE> Sessions::drop_all() {
    const std::lock_guard lock(mutex_);
    std::vector<CK_SESSION_HANDLE> sessions;
    for (const auto& [session, slot] : open_) {
        sessions.push_back(session);
        dropped_.insert(session);
    }
    open_.clear();
    tell_state();
    return sessions;
}

bool Sessions::was_dropped(CK_SESSION_HANDLE session) const {
    const std::lock_guard lock(mutex_);
    return dropped_.contains(session);
}

std::size_t Sessions::count() const {
    const std::lock_guard lock(mutex_);
    return open_.size();
}

std::optional<CK_SESSION_HANDLE> Sessions::any() const {
    const std::lock_guard lock(mutex_);
    return open_.empty() ? std::nullopt : std::optional(open_.begin()->first);
}

}  // namespace faultp11
