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

std::string text_of(const Settings& settings) {
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

RowChange change(std::uint64_t index, const std::string& name,
                 const std::optional<std::string>& value) {
    return {name, value ? std::optional(SettingRow{index, name, *value}) : std::nullopt};
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

std::string signing_row_name(crypto::Family family) {
    return std::string("signing/").append(crypto::family_name(family));
}

Result<StateRows> rows_of(std::uint64_t index, const Leaf& leaf) {
    StateRows rows;
    rows.leaf = index;
    if (const auto* setting = std::get_if<SettingLeaf>(&leaf.content)) {
        rows.setting = SettingRow{index, setting->name, setting->value};
    } else if (const auto* act = std::get_if<ActLeaf>(&leaf.content)) {
        for (const auto& [name, value] : act->set) {
            rows.changes.push_back(change(index, name, value));
        }
    } else if (const auto* manifest = std::get_if<ManifestLeaf>(&leaf.content)) {
        rows.changes.push_back(
            change(index, std::string(kManifestRow),
                   base::format_utc(manifest->as_of).append(" ").append(manifest->sha256)));
    }
    const auto* artefact = std::get_if<ArtefactLeaf>(&leaf.content);
    if (artefact == nullptr) {
        return rows;
    }
    rows.signed_with = SignedWith{artefact->family, artefact->kid};
    // The v1.0 receipt stands beside the receipt whose id it bears, and spends nothing again.
    if (artefact->artefact != kLegacyReceipt) {
        TRY(const auto nonce, nonce_of(*artefact));
        rows.spent = SpentRow{index, spent_id(artefact->family, artefact->id), nonce};
    }
    return rows;
}

Status LogState::admits(const SignedWith& key) const {
    const auto row = settings_->find(signing_row_name(key.family));
    return row == settings_->end() || row->second.value == key.kid
               ? Status::done()
               : Status(
                     Error(ErrorCode::key_not_active, "the key does not sign any more; ask again"));
}

Status LogState::add(const StateRows& rows) {
    const std::string named = "leaf " + std::to_string(rows.leaf);
    if (rows.signed_with && !admits(*rows.signed_with).ok()) {
        return Error(ErrorCode::ledger_damaged,
                     named + " is signed with a key that does not sign at that place");
    }
    if (rows.setting || !rows.changes.empty()) {
        auto next = std::make_shared<Settings>(*settings_);
        if (rows.setting && !next->emplace(rows.setting->name, *rows.setting).second) {
            return Error(ErrorCode::ledger_damaged,
                         named + " sets " + rows.setting->name + " a second time");
        }
        for (const RowChange& changed : rows.changes) {
            next->erase(changed.name);
            if (changed.row) {
                next->emplace(changed.name, *changed.row);
            }
        }
        settings_ = std::move(next);
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
    return {base::base64url_encode(crypto::sha256(text_of(*settings_))),
            base::base64url_encode(spent_)};
}

}  // namespace clawsigner::claw
