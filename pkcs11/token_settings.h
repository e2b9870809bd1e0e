#pragma once

#include "pkcs11/uri.h"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace clawsigner::pkcs11 {

/// What runs a module in a process of its own: this program with "module-host", in this environment
/// and no other.
struct HostProgram {
    std::filesystem::path executable;
    std::vector<std::pair<std::string, std::string>> environment;
};

/// Which token, how to reach it and how hard to lean on it.
struct TokenSettings {
    std::filesystem::path module;
    TokenUri uri;
    std::filesystem::path pin_file;  // read anew at every opening, and not kept
    std::size_t sessions = 8;        // at most; the token's own limit wins
    /// Where the module runs: in a child, or, without one, in this process.
    // NOLINTNEXTLINE(readability-redundant-member-init): GCC misses it where settings are made
    std::optional<HostProgram> host{};
    /// How long a child may take to open the token, or to make a key, before it is killed.
    std::chrono::milliseconds patience{30'000};
};

}  // namespace clawsigner::pkcs11
