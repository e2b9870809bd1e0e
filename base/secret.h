#pragma once

#include "base/encoding.h"
#include "base/result.h"

#include <cstddef>
#include <span>
#include <utility>

namespace clawsigner::base {

/// A PIN, an auth value, a seed. Lives in pages of its own that are locked (where RLIMIT_MEMLOCK
/// allows), left out of core dumps and wiped before they are given back. Move-only; has no printed
/// form; read only through expose(), so that every reader can be found by name.
class Secret {
public:
    Secret() = default;
    Secret(Secret&& other) noexcept { swap(other); }
    Secret& operator=(Secret&& other) noexcept {
        Secret taken(std::move(other));
        swap(taken);
        return *this;
    }
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret();

    /// `size` zero bytes for the caller to fill through expose_mutable(). Error: io_failed when
    /// there is no memory.
    static Result<Secret> zeroed(std::size_t size);
    /// A copy; the caller still owns (and should wipe) `bytes`.
    static Result<Secret> copy_of(ByteView bytes);

    ByteView expose() const noexcept { return {data_, size_}; }
    std::span<std::uint8_t> expose_mutable() noexcept { return {data_, size_}; }
    /// The bytes as a C string. There is always a NUL behind them; one inside them cuts the string
    /// short.
    const char* expose_c_str() const noexcept {
        return data_ == nullptr ? "" : reinterpret_cast<const char*>(data_);
    }

    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

    /// Drops and wipes the bytes from `size` on; does nothing when there are none.
    void shrink_to(std::size_t size) noexcept;

private:
    void swap(Secret& other) noexcept;

    std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t mapped_ = 0;
};

/// Overwrites memory in a way no optimiser removes.
void wipe_bytes(std::span<std::uint8_t> bytes) noexcept;

}  // namespace clawsigner::base

namespace clawsigner {
using base::Secret;
}  // namespace clawsigner
