#pragma once

#include "base/clock.h"
#include "base/result.h"

#include <p11-kit/pkcs11.h>

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace clawsigner::pkcs11 {

/// Read-only sessions of one token, opened once and kept. Cryptoki allows a session to one thread
/// at a time (SoftHSM crashes otherwise), so a session is lent out and given back. Thread-safe.
/// Leases must end before the pool does.
class SessionPool {
public:
    class Lease {
    public:
        Lease(Lease&& other) noexcept
            : pool_(std::exchange(other.pool_, nullptr)), session_(other.session_) {}
        Lease& operator=(Lease&&) = delete;
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        ~Lease();

        CK_SESSION_HANDLE get() const noexcept { return session_; }

    private:
        friend class SessionPool;
        Lease(SessionPool& pool, CK_SESSION_HANDLE session) : pool_(&pool), session_(session) {}

        SessionPool* pool_;
        CK_SESSION_HANDLE session_;
    };

    SessionPool(CK_FUNCTION_LIST& cryptoki, CK_SLOT_ID slot) : cryptoki_(&cryptoki), slot_(slot) {}
    ~SessionPool();
    SessionPool(const SessionPool&) = delete;
    SessionPool& operator=(const SessionPool&) = delete;

    /// Opens up to `wanted` sessions; fewer when the token allows no more (CKR_SESSION_COUNT), but
    /// at least one. Error: as error_from.
    Status open(std::size_t wanted);

    /// Waits for a free session. Error: hsm_down, past the deadline.
    Result<Lease> borrow(Deadline deadline);

    /// Puts a fresh session in the place of one that failed, which never comes back. On error the
    /// lease is empty, and the pool has one session fewer. Error: as error_from.
    Status replace(Lease& failed);

    std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return opened_.size();
    }

private:
    void give_back(CK_SESSION_HANDLE session);

    CK_FUNCTION_LIST* cryptoki_;
    CK_SLOT_ID slot_;
    mutable std::mutex mutex_;
    std::vector<CK_SESSION_HANDLE> opened_;
    std::condition_variable freed_;
    std::vector<CK_SESSION_HANDLE> free_;
};

}  // namespace clawsigner::pkcs11
