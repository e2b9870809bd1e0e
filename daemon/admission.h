#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <sys/types.h>

namespace clawsigner::daemon {

/// How much of the daemon one socket's callers may hold at a time. Of requests and their bytes no
/// user holds more than half.
struct AdmissionLimits {
    std::size_t connections = 1024;
    std::size_t connections_per_user = 512;
    std::size_t requests = 256;              // being read, worked on or answered
    std::size_t request_bytes = 32U << 20U;  // of the bodies of those, as announced
};

/// Counts what one socket's callers hold and says no before memory grows. Thread-safe.
class Admission {
public:
    /// A counted thing; uncounted when this goes. Empty when it was refused.
    class Place {
    public:
        Place() = default;
        Place(Place&& other) noexcept;
        Place& operator=(Place&& other) noexcept;
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;
        ~Place();

        explicit operator bool() const noexcept { return admission_ != nullptr; }

    private:
        friend class Admission;
        enum class Kind { connection, request };
        Place(Admission& admission, Kind kind, uid_t user, std::size_t bytes)
            : admission_(&admission), kind_(kind), user_(user), bytes_(bytes) {}
        void give_back() noexcept;

        Admission* admission_ = nullptr;
        Kind kind_ = Kind::connection;
        uid_t user_ = 0;
        std::size_t bytes_ = 0;
    };

    explicit Admission(AdmissionLimits limits) : limits_(limits) {}

    Place connection(uid_t user);
    /// One request of this user, whose body may have `bytes`.
    Place request(uid_t user, std::size_t bytes);

private:
    struct Held {
        std::size_t connections = 0;
        std::size_t requests = 0;
        std::size_t request_bytes = 0;
    };

    void release(const Place& place) noexcept;

    const AdmissionLimits limits_;
    std::mutex mutex_;
    Held all_;
    std::map<uid_t, Held> by_user_;  // those who hold something
};

}  // namespace clawsigner::daemon
