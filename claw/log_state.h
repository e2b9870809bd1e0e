#pragma once

#include "base/result.h"
#include "claw/leaf.h"
#include "crypto/digest.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

/// The appliance's state, as the leaves of its log make it. The daemon keeps it in tables beside
/// the leaves; an auditor makes it again from the leaves and compares.
namespace clawsigner::claw {

/// A receipt_id, jti or nonce, as the state remembers it: the first 16 bytes of a SHA-256.
using SpentName = std::array<std::uint8_t, 16>;

SpentName spent_id(crypto::Family family, std::string_view id);
SpentName spent_nonce(const crypto::Sha256& key) noexcept;

/// What one leaf has spent for good.
struct SpentRow {
    std::uint64_t leaf = 0;
    SpentName id{};
    std::optional<SpentName> nonce;
    friend bool operator==(const SpentRow&, const SpentRow&) = default;
};

/// What one leaf has set for good.
struct SettingRow {
    std::uint64_t leaf = 0;
    std::string name;
    std::string value;
    friend bool operator==(const SettingRow&, const SettingRow&) = default;
};

/// The rows that one leaf makes.
struct StateRows {
    std::optional<SpentRow> spent;
    std::optional<SettingRow> setting;
};
/// Error: invalid_field, when the leaf's names are none.
Result<StateRows> rows_of(std::uint64_t index, const Leaf& leaf);

/// The state so far: which settings there are, and a running digest of everything spent.
class LogState {
public:
    LogState() = default;
    /// As it was when it was kept.
    LogState(std::map<std::string, SettingRow> settings, const crypto::Sha256& spent)
        : settings_(std::move(settings)), spent_(spent) {}

    /// Error: ledger_damaged, when a setting is set a second time.
    Status add(const StateRows& rows);

    const std::map<std::string, SettingRow>& settings() const noexcept { return settings_; }
    const crypto::Sha256& spent_digest() const noexcept { return spent_; }
    /// What a `state` leaf says at this point.
    StateLeaf digests() const;

private:
    std::map<std::string, SettingRow> settings_;
    crypto::Sha256 spent_{};
};

}  // namespace clawsigner::claw
