#include "base/secret.h"

#include <algorithm>
#include <cerrno>
#include <string.h>  // explicit_bzero is not in <cstring>
#include <sys/mman.h>

namespace clawsigner::base {
namespace {

constexpr std::size_t kPage = 4096;

/// Whole pages, with room for the NUL behind the bytes.
std::size_t mapped_size(std::size_t size) {
    return (size + 1 + kPage - 1) / kPage * kPage;
}

}  // namespace

void wipe_bytes(std::span<std::uint8_t> bytes) noexcept {
    explicit_bzero(bytes.data(), bytes.size());
}

Result<Secret> Secret::zeroed(std::size_t size) {
    const std::size_t mapped = mapped_size(size);
    void* pages =
        ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        return Error::from_errno("cannot map memory for a secret", errno);
    }
    // Best effort, both: a low RLIMIT_MEMLOCK must not keep the daemon from starting.
    ::mlock(pages, mapped);
    ::madvise(pages, mapped, MADV_DONTDUMP);
    Secret secret;
    secret.data_ = static_cast<std::uint8_t*>(pages);
    secret.size_ = size;
    secret.mapped_ = mapped;
    return secret;
}

Result<Secret> Secret::copy_of(ByteView bytes) {
    TRY(Secret secret, zeroed(bytes.size()));
    std::ranges::copy(bytes, secret.data_);
    return secret;
}

void Secret::shrink_to(std::size_t size) noexcept {
    if (size < size_) {
        wipe_bytes({data_ + size, size_ - size});
        size_ = size;
    }
}

void Secret::swap(Secret& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapped_, other.mapped_);
}

Secret::~Secret() {
    if (data_ != nullptr) {
        wipe_bytes({data_, mapped_});
        ::munmap(data_, mapped_);  // unlocks, too
    }
}

}  // namespace clawsigner::base
