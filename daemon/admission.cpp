#include "daemon/admission.h"

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
    if (connections_ >= limits_.connections) {
        return {};
    }
    std::size_t& of_user = connections_by_user_[user];
    if (of_user >= limits_.connections_per_user) {
        return {};
    }
    ++of_user;
    ++connections_;
    return Place(*this, Place::Kind::connection, user, 0);
}

Admission::Place Admission::request(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (requests_ >= limits_.requests || bytes > limits_.request_bytes - request_bytes_) {
        return {};
    }
    ++requests_;
    request_bytes_ += bytes;
    return Place(*this, Place::Kind::request, 0, bytes);
}

void Admission::release(const Place& place) noexcept {
    const std::lock_guard lock(mutex_);
    if (place.kind_ == Place::Kind::request) {
        --requests_;
        request_bytes_ -= place.bytes_;
        return;
    }
    --connections_;
    const auto of_user = connections_by_user_.find(place.user_);
    if (--of_user->second == 0) {
        connections_by_user_.erase(of_user);
    }
}

}  // namespace clawsigner::daemon
