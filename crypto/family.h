#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace clawsigner::crypto {

/// What a key is for. One key, one purpose: every key belongs to exactly one family for as long as
/// it lives.
enum class Family : std::uint8_t {
    gateway_receipt,
};

inline constexpr std::array kFamilies{Family::gateway_receipt};

/// As it stands in labels, configuration and answers. Static storage.
constexpr std::string_view family_name(Family family) noexcept {
    switch (family) {
        case Family::gateway_receipt:
            return "gateway_receipt";
    }
    return "";
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
