#pragma once

#include "cli/commands.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace clawsigner::cli {

/// What the commands about keys were given. Not every command looks at all of it.
struct KeyTerms {
    std::string family;
    std::uint32_t version = 0;
    std::string algorithm;  // empty: as configured
    std::string id;         // of what keys list shows as unusable; the label of what has no id
    std::string why;        // stands in the log
    std::optional<std::chrono::seconds> activate_in;
    std::optional<std::chrono::seconds> overlap;
    bool now = false;
    std::string since;  // 2026-01-31T12:00:00.000Z
    std::optional<std::uint64_t> leaf;
    std::filesystem::path seed_file;  // of the key that is given up
    bool yes = false;                 // do not ask
};

/// Each prints and returns its exit code.
int list_keys(const Connection& to);
int show_key(const Connection& to, const KeyTerms& terms);
int create_key(const Connection& to, const KeyTerms& terms);
int rotate_key(const Connection& to, const KeyTerms& terms);
int freeze_family(const Connection& to, const KeyTerms& terms);
int unfreeze_family(const Connection& to, const KeyTerms& terms);
int retire_key(const Connection& to, const KeyTerms& terms);
int destroy_key(const Connection& to, const KeyTerms& terms);
int compromise_key(const Connection& to, const KeyTerms& terms);
/// Reads the seed once, has its key and the family's say that the one takes the other's place, and
/// wipes the file.
int adopt_key(const Connection& to, const KeyTerms& terms);
int discard_key(const Connection& to, const KeyTerms& terms);

}  // namespace clawsigner::cli
