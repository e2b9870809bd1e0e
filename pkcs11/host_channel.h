#pragma once

#include "base/clock.h"
#include "base/encoding.h"
#include "base/handle.h"
#include "base/result.h"

#include <cstdint>
#include <memory>
#include <optional>

namespace clawsigner::pkcs11::host {

/// One end of a pair of SOCK_SEQPACKET sockets: whole packets, in order. One thread at a time.
class Channel {
public:
    explicit Channel(base::UniqueFd socket);

    /// Errors: too_large, above kMaxPacket; hsm_down, when the other side is gone.
    Status send(ByteView packet);

    /// Waits; without a deadline as long as it takes. The bytes live until the next call. Errors:
    /// timeout; hsm_down, when the other side is gone; internal, for a packet above kMaxPacket.
    Result<ByteView> receive(std::optional<Deadline> deadline);

private:
    base::UniqueFd socket_;
    std::unique_ptr<std::uint8_t[]> buffer_;  // NOLINT(modernize-avoid-c-arrays): not cleared
};

}  // namespace clawsigner::pkcs11::host
