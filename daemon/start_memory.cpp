#include "daemon/start_memory.h"

#include <bit>
#include <cstdint>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

namespace clawsigner::daemon {
namespace {

/// What the loader may write to holds more than the file says.
bool is_as_in_file(const ElfW(Phdr) & header) noexcept {
    return header.p_type == PT_LOAD && (header.p_flags & PF_W) == 0;
}

}  // namespace

StartMemory::StartMemory() {
    const auto add_object = [](dl_phdr_info* object, std::size_t, void* self) {
        const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
        for (ElfW(Half) i = 0; i < object->dlpi_phnum; ++i) {
            const ElfW(Phdr)& header = object->dlpi_phdr[i];
            if (is_as_in_file(header)) {
                const std::uintptr_t begin = object->dlpi_addr + header.p_vaddr;
                const std::uintptr_t first = begin - begin % page;
                static_cast<StartMemory*>(self)->segments_.push_back(
                    {std::bit_cast<void*>(first), begin + header.p_memsz - first});
            }
        }
        return 0;
    };
    ::dl_iterate_phdr(add_object, this);
}

void StartMemory::release() const noexcept {
    for (const Segment& segment : segments_) {
        (void)::madvise(segment.begin, segment.size, MADV_DONTNEED);
    }
}

}  // namespace clawsigner::daemon
