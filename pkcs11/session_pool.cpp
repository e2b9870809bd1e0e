#include "pkcs11/session_pool.h"

#include "pkcs11/error.h"

#include <algorithm>

namespace clawsigner::pkcs11 {

SessionPool::Lease::~Lease() {
    if (pool_ != nullptr) {
        pool_->give_back(session_);
    }
}

SessionPool::~SessionPool() {
    for (const CK_SESSION_HANDLE session : opened_) {
        cryptoki_->C_CloseSession(session);
    }
}

Status SessionPool::open(std::size_t wanted) {
    const std::lock_guard lock(mutex_);
    while (opened_.size() < wanted) {
        CK_SESSION_HANDLE session = 0;
        const CK_RV rv =
            cryptoki_->C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &session);
        if (rv == CKR_SESSION_COUNT && !opened_.empty()) {
            break;
        }
        CHECK_OK(check("C_OpenSession", rv));
        opened_.push_back(session);
    }
    free_ = opened_;
    return Status::done();
}

Result<SessionPool::Lease> SessionPool::borrow(Deadline deadline) {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_until(lock, deadline, [this] { return !free_.empty() || opened_.empty(); })) {
        return Error(ErrorCode::hsm_down, "no session of the token became free in time");
    }
    if (opened_.empty()) {  // all were lost, and could not be replaced
        return error_from("C_OpenSession", CKR_SESSION_COUNT);
    }
    const CK_SESSION_HANDLE session = free_.back();
    free_.pop_back();
    return Lease(*this, session);
}

Status SessionPool::replace(Lease& failed) {
    // The new one first: a token logs out when its last session ends.
    CK_SESSION_HANDLE fresh = 0;
    const CK_RV rv = cryptoki_->C_OpenSession(slot_, CKF_SERIAL_SESSION, nullptr, nullptr, &fresh);
    const CK_SESSION_HANDLE gone = failed.session_;
    const std::lock_guard lock(mutex_);
    opened_.erase(std::ranges::find(opened_, gone));
    if (rv == CKR_OK) {
        opened_.push_back(fresh);
        failed.session_ = fresh;
    } else {
        failed.pool_ = nullptr;
        freed_.notify_all();
    }
    // Closed also when the token says that it does not know it, lest it lies; unless its number was
    // free and is another one's by now.
    if (std::ranges::find(opened_, gone) == opened_.end()) {
        cryptoki_->C_CloseSession(gone);
    }
    return check("C_OpenSession", rv);
}

void SessionPool::give_back(CK_SESSION_HANDLE session) {
    {
        const std::lock_guard lock(mutex_);
        free_.push_back(session);
    }
    freed_.notify_one();
}

}  // namespace clawsigner::pkcs11
