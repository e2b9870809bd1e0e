#include "daemon/start_memory.h"

#include "crypto/digest.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <string>

using namespace clawsigner;

namespace {

/// Of mapped files, in KiB.
std::size_t resident_of_files() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("RssFile:")) {
            return std::stoul(line.substr(sizeof "RssFile:" - 1));
        }
    }
    return 0;
}

}  // namespace

TEST_CASE("start memory: pages that are given back are not counted, and are there when needed",
          "[daemon]") {
    const daemon::StartMemory memory;
    const auto digest = crypto::sha256("abc");
    const std::size_t before = resident_of_files();
    memory.release();
    CHECK(resident_of_files() + 1024 < before);
    CHECK(crypto::sha256("abc") == digest);
}
