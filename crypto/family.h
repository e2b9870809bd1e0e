#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clawsigner::crypto {

enum class Algorithm : std::uint8_t;  // crypto/public_key.h

/// What a key is for. One key, one purpose: every key belongs to exactly one family for as long as
/// it lives.
enum class Family : std::uint8_t {
    gateway_receipt,
    cst,
    work_policy,
    checkpoint,
};

inline constexpr std::array kFamilies{Family::gateway_receipt, Family::cst, Family::work_policy,
                                      Family::checkpoint};

/// May a key of `family` be of this algorithm? Checkpoints are signed notes of type 0x01, which is
/// Ed25519 and nothing else (C2SP signed-note v1.0.0); the other families take both.
bool signs_with(Family family, Algorithm algorithm) noexcept;

/// The versions of a family's key are 1 to this.
inline constexpr std::uint32_t kMaxKeyVersion = 1'000'000;

/// As it stands in labels, configuration and answers. Static storage.
constexpr std::string_view family_name(Family family) noexcept {
    switch (family) {
        case Family::gateway_receipt:
            return "gateway_receipt";
        case Family::cst:
            return "cst";
        case Family::work_policy:
            return "work_policy";
        case Family::checkpoint:
            return "checkpoint";
    }
    return "";
}

/// "gateway_receipt, cst, …": for messages.
inline std::string family_names() {
    std::string names;
    for (const Family family : kFamilies) {
        names.append(names.empty() ? "" : ", ").append(family_name(family));
    }
    return names;
}

constexpr std::optional<Family> family_from_name(std::string_view name) noexcept {
    for (const Family family : kFamilies) {
        if (family_name(family) == name) {
            return family;
        }
    }
    return std::nullopt;
}

}  // namespace clawsigner::crypto
