// every_proof LEAVES: the root at every size up to so many leaves, and the proofs of every leaf and
// from every older size, for tests/oracle/log_oracle.py, which says how they are printed.
#include "support/memory_log.h"

#include <cstdio>
#include <cstdlib>

using namespace clawsigner;

namespace {

void print_number(std::uint64_t number) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
        std::putchar(static_cast<int>((number >> shift) & 0xFFU));
    }
}

void print(char kind, std::uint64_t first, std::uint64_t size,
           std::span<const claw::TreeHash> hashes) {
    std::putchar(kind);
    print_number(first);
    print_number(size);
    std::putchar(static_cast<int>(hashes.size()));
    for (const claw::TreeHash& hash : hashes) {
        std::fwrite(hash.data(), 1, hash.size(), stdout);
    }
}

void print_all(std::uint64_t size, const claw::TileSource& log) {
    claw::TreeReader tree(size, log);
    print('r', 0, size, std::vector{tree.root().value()});
    for (std::uint64_t index = 0; index < size; ++index) {
        print('i', index, size, tree.inclusion_path(index).value());
    }
    for (std::uint64_t old_size = 0; old_size <= size; ++old_size) {
        print('c', old_size, size, tree.consistency_path(old_size).value());
    }
}

}  // namespace

int main(int count, char** words) {
    const auto leaves = base::decimal_decode(count == 2 ? words[1] : "");
    if (!leaves.ok()) {
        std::fprintf(stderr, "every_proof LEAVES\n");
        return 2;
    }
    const tests::MemoryLog log(*leaves);
    for (std::uint64_t size = 0; size <= *leaves; ++size) {
        print_all(size, log);
    }
    return std::fflush(stdout) == 0 ? 0 : 1;
}
