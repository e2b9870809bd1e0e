#include "pkcs11/host_channel.h"

#include "pkcs11/host_protocol.h"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>

namespace clawsigner::pkcs11::host {
namespace {

Error gone() {
    return {ErrorCode::hsm_down, "the module's process is gone"};
}

/// For poll(2): at least 0, -1 for ever. Rounded up, so that it does not return too early.
int milliseconds_until(const std::optional<Deadline>& deadline) {
    if (!deadline) {
        return -1;
    }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT32_MAX));
}

}  // namespace

Channel::Channel(base::UniqueFd socket)
    : socket_(std::move(socket)),
      buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(kMaxPacket)) {}

Status Channel::send(ByteView packet) {
    if (packet.size() > kMaxPacket) {
        return Error(ErrorCode::too_large, "too much for the module's process at once");
    }
    ssize_t sent = 0;
    do {
        sent = ::send(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0 ? Status::done() : Status(gone());
}

Result<ByteView> Channel::receive(std::optional<Deadline> deadline) {
    pollfd readable{socket_.get(), POLLIN, 0};
    int ready = 0;
    do {
        ready = ::poll(&readable, 1, milliseconds_until(deadline));
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) {
        return Error(ErrorCode::timeout, "the module's process did not answer in time");
    }
    const ssize_t got = ::recv(socket_.get(), buffer_.get(), kMaxPacket, MSG_DONTWAIT | MSG_TRUNC);
    if (got <= 0) {
        return gone();
    }
    if (static_cast<std::size_t>(got) > kMaxPacket) {
        return Error(ErrorCode::internal, "the module's process says too much at once");
    }
    return ByteView(buffer_.get(), static_cast<std::size_t>(got));
}

}  // namespace clawsigner::pkcs11::host
