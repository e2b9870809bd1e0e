#include "claw/pruned.h"

#include "base/encoding.h"
#include "claw/tile.h"

#include <variant>

namespace clawsigner::claw {

std::string pruned_value(std::uint64_t until) {
    return std::to_string(until);
}

std::uint64_t pruned_until(std::string_view value) noexcept {
    const auto until = base::decimal_decode(value);
    return until.ok() && *until % kTileWidth == 0 ? *until : 0;
}

std::uint64_t pruned_until(const Settings& settings) {
    const auto row = settings.find(std::string(kPrunedRow));
    return row == settings.end() ? 0 : pruned_until(row->second.value);
}

std::uint64_t pruned_until(const Settings& settings, std::uint64_t signed_size) {
    const auto row = settings.find(std::string(kPrunedRow));
    return row == settings.end() || row->second.leaf >= signed_size
               ? 0
               : pruned_until(row->second.value);
}

bool is_kept(const LeafContent& leaf) noexcept {
    return std::holds_alternative<SettingLeaf>(leaf) || std::holds_alternative<ActLeaf>(leaf) ||
           std::holds_alternative<ManifestLeaf>(leaf) || std::holds_alternative<StateLeaf>(leaf);
}

}  // namespace clawsigner::claw
