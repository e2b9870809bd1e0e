#pragma once

#include <cstddef>
#include <vector>

namespace clawsigner::daemon {

/// The program and the libraries it is linked with, as they lie in memory. Most of their pages only
/// the start needs; given back, they do not count as the process's while it lives.
class StartMemory {
public:
    /// To be made before any module is loaded: what a vendor's module does to its own code is not
    /// ours to know.
    StartMemory();

    /// Nothing is lost: what is needed again is mapped again from the page cache (madvise(2),
    /// MADV_DONTNEED on private mappings of files that nobody writes to). Breakpoints that a
    /// debugger has set before are gone. Any thread.
    void release() const noexcept;

private:
    struct Segment {
        void* begin;
        std::size_t size;
    };
    std::vector<Segment> segments_;
};

}  // namespace clawsigner::daemon
