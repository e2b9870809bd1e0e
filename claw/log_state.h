#pragma once

#include "base/result.h"
#include "claw/leaf.h"
#include "crypto/digest.h"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

/// A value the state holds, and the leaf it comes from.
struct SettingRow {
    std::uint64_t leaf = 0;
    std::string name;
    std::string value;
    friend bool operator==(const SettingRow&, const SettingRow&) = default;
};

/// What one leaf has changed: a row from here on, or none.
struct RowChange {
    std::string name;
    std::optional<SettingRow> row;
};

/// The key an artefact's leaf names.
struct SignedWith {
    crypto::Family family{};
    std::string kid;
};

/// The rows that one leaf makes.
struct StateRows {
    std::uint64_t leaf = 0;
    std::optional<SpentRow> spent;
    std::optional<SettingRow> setting;  // once
    std::vector<RowChange> changes;
    std::optional<SignedWith> signed_with;
};
/// Error: invalid_field, when the leaf's names are none.
Result<StateRows> rows_of(std::uint64_t index, const Leaf& leaf);

using Settings = std::map<std::string, SettingRow>;

/// The row that says which key of a family signs: its kid, or kNobodySigns. While there is no such
/// row the log says nothing of keys.
std::string signing_row_name(crypto::Family family);
inline constexpr std::string_view kNobodySigns = "none";

/// The row of the newest manifest's leaf; its value is the time it is as of and its digest.
inline constexpr std::string_view kManifestRow = "manifest/latest";

/// The state so far: the rows that are set, and a running digest of everything spent. Copies share
/// their rows.
class LogState {
public:
    LogState() = default;
    /// As it was when it was kept.
    LogState(Settings settings, const crypto::Sha256& spent)
        : settings_(std::make_shared<const Settings>(std::move(settings))), spent_(spent) {}

    /// Error: ledger_damaged, when a setting is set a second time, or an artefact is signed with a
    /// key that did not sign at that place of the log.
    Status add(const StateRows& rows);

    /// May an artefact signed with this key be recorded now? Error: key_not_active.
    Status admits(const SignedWith& key) const;

    const Settings& settings() const noexcept { return *settings_; }
    /// Never null.
    const std::shared_ptr<const Settings>& shared_settings() const noexcept { return settings_; }
    const crypto::Sha256& spent_digest() const noexcept { return spent_; }
    /// What a `state` leaf says at this point.
    StateLeaf digests() const;

private:
    std::shared_ptr<const Settings> settings_ = std::make_shared<const Settings>();
    crypto::Sha256 spent_{};
};

}  // namespace clawsigner::claw
