#include "claw/log_state.h"

#include "claw/json_text.h"

#include <algorithm>

namespace clawsigner::claw {
namespace {

constexpr std::string_view kLegacyReceipt = "gateway_receipt_v1.0";

SpentName first_bytes(ByteView hash) noexcept {
    SpentName name{};
    std::copy_n(hash.begin(), name.size(), name.begin());
    return name;
}

Result<std::optional<SpentName>> nonce_of(const ArtefactLeaf& leaf) {
    if (!leaf.nonce_sha256) {
        return std::optional<SpentName>();
    }
    TRY(const Bytes key, base::base64url_decode(*leaf.nonce_sha256));
    return std::optional<SpentName>(first_bytes(key));
}

/// One row, as it goes into the running digest: everything of fixed length but the last.
Bytes encoded(const SpentRow& row) {
    Bytes bytes;
    for (int shift = 56; shift >= 0; shift -= 8) {
        bytes.push_back(static_cast<std::uint8_t>(row.leaf >> static_cast<unsigned>(shift)));
    }
    bytes.insert(bytes.end(), row.id.begin(), row.id.end());
    if (row.nonce) {
        bytes.insert(bytes.end(), row.nonce->begin(), row.nonce->end());
    }
    return bytes;
}

std::string text_of(const std::map<std::string, SettingRow>& settings) {
    std::string text = "[";
    for (const auto& [name, row] : settings) {
        text.append(text.size() > 1 ? ",[" : "[");
        append_json_string(text, name);
        text.append(",");
        append_json_string(text, row.value);
        text.append(",").append(std::to_string(row.leaf)).append("]");
    }
    return text.append("]");
}

}  // namespace

SpentName spent_id(crypto::Family family, std::string_view id) {
    std::string named(crypto::family_name(family));
    named.append("\n").append(id);
    return first_bytes(crypto::sha256(named));
}

SpentName spent_nonce(const crypto::Sha256& key) noexcept {
    return first_bytes(key);
}

Result<StateRows> rows_of(std::uint64_t index, const Leaf& leaf) {
    StateRows rows;
    if (const auto* setting = std::get_if<SettingLeaf>(&leaf.content)) {
        rows.setting = SettingRow{index, setting->name, setting->value};
    }
    // The v1.0 receipt stands beside the receipt whose id it bears, and spends nothing again.
    if (const auto* artefact = std::get_if<ArtefactLeaf>(&leaf.content);
        artefact != nullptr && artefact->artefact != kLegacyReceipt) {
        TRY(const auto nonce, nonce_of(*artefact));
        rows.spent = SpentRow{index, spent_id(artefact->family, artefact->id), nonce};
    }
    return rows;
}

Status LogState::add(const StateRows& rows) {
    if (rows.setting && !settings_.emplace(rows.setting->name, *rows.setting).second) {
        return Error(ErrorCode::ledger_damaged, "leaf " + std::to_string(rows.setting->leaf) +
                                                    " sets " + rows.setting->name +
                                                    " a second time");
    }
    if (rows.spent) {
        Bytes bytes(spent_.begin(), spent_.end());
        const Bytes row = encoded(*rows.spent);
        bytes.insert(bytes.end(), row.begin(), row.end());
        spent_ = crypto::sha256(bytes);
    }
    return Status::done();
}

StateLeaf LogState::digests() const {
    return {base::base64url_encode(crypto::sha256(text_of(settings_))),
            base::base64url_encode(spent_)};
}

}  // namespace clawsigner::claw
