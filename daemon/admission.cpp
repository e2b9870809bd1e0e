#include "daemon/admission.h"

#include <algorithm>
#include <utility>

namespace clawsigner::daemon {

Admission::Place::Place(Place&& other) noexcept
    : admission_(std::exchange(other.admission_, nullptr)),
      kind_(other.kind_),
      user_(other.user_),
      bytes_(other.bytes_) {}

Admission::Place& Admission::Place::operator=(Place&& other) noexcept {
    if (this != &other) {
        give_back();
        admission_ = std::exchange(other.admission_, nullptr);
        kind_ = other.kind_;
        user_ = other.user_;
        bytes_ = other.bytes_;
    }
    return *this;
}

Admission::Place::~Place() {
    give_back();
}

void Admission::Place::give_back() noexcept {
    if (admission_ != nullptr) {
        admission_->release(*this);
        admission_ = nullptr;
    }
}

Admission::Place Admission::connection(uid_t user) {
    const std::lock_guard lock(mutex_);
    if (all_.connections >= limits_.connections) {
        return {};
    }
    Held& own = by_user_[user];
    if (own.connections >= limits_.connections_per_user) {
        return {};
    }
    ++own.connections;
    ++all_.connections;
    return Place(*this, Place::Kind::connection, user, 0);
}

Admission::Place Admission::request(uid_t user, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto fits = [bytes](const Held& held, std::size_t requests, std::size_t all_bytes) {
        return held.requests < requests && held.request_bytes + bytes <= all_bytes;
    };
    Held& own = by_user_[user];
    if (!fits(all_, limits_.requests, limits_.request_bytes) ||
        !fits(own, std::max<std::size_t>(limits_.requests / 2, 1), limits_.request_bytes / 2)) {
        return {};
    }
    for (Held* held : {&all_, &own}) {
        ++held->requests;
        held->request_bytes += bytes;
    }
    return Place(*this, Place::Kind::request, user, bytes);
}

void Admission::release(const Place& place) noexcept {
    const std::lock_guard lock(mutex_);
    const auto own = by_user_.find(place.user_);
    for (Held* held : {&all_, &own->second}) {
        if (place.kind_ == Place::Kind::connection) {
            --held->connections;
        } else {
            --held->requests;
            held->request_bytes -= place.bytes_;
        }
    }
    if (own->second.connections == 0 && own->second.requests == 0) {
        by_user_.erase(own);
    }
}

}  // namespace clawsigner::daemon
