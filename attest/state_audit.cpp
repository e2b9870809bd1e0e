#include "attest/state_audit.h"

#include <algorithm>
#include <utility>

namespace clawsigner::attest {
namespace {

constexpr std::string_view kReceipt = "gateway_receipt";
constexpr std::string_view kLegacyReceipt = "gateway_receipt_v1.0";

}  // namespace

void StateAudit::find(std::string what) {
    found_.push_back("leaf " + std::to_string(index_) + " " + std::move(what));
}

std::vector<std::string> StateAudit::next(std::uint64_t index, const std::string& body) {
    found_.clear();
    index_ = index;
    const auto leaf = claw::parse_leaf(body);
    if (leaf.ok()) {
        check_content(index, *leaf);
    } else {
        find("cannot be read: " + leaf.error().message);
        receipt_before_.clear();
    }
    return std::exchange(found_, {});
}

void StateAudit::check_content(std::uint64_t index, const claw::Leaf& leaf) {
    if (const auto* said = std::get_if<claw::StateLeaf>(&leaf.content)) {
        check_state(*said);
    }
    const auto* artefact = std::get_if<claw::ArtefactLeaf>(&leaf.content);
    if (artefact != nullptr) {
        check_legacy(*artefact);
    }
    receipt_before_ =
        artefact != nullptr && artefact->artefact == kReceipt ? artefact->id : std::string();
    const auto rows = claw::rows_of(index, leaf);
    if (!rows.ok()) {
        find("has names that are none: " + rows.error().message);
        return;
    }
    const claw::StateRows& made = *rows;
    if (made.spent && artefact != nullptr) {
        spend(*made.spent, *artefact);
    }
    const Status added = state_.add(made);
    if (!added.ok()) {
        found_.push_back(added.error().message);
    }
}

void StateAudit::check_state(const claw::StateLeaf& said) {
    if (!knows_state_ && !adopted_) {
        const auto spent = base::base64url_decode(said.spent_sha256);
        crypto::Sha256 digest{};
        if (spent.ok() && spent->size() == digest.size()) {
            std::ranges::copy(*spent, digest.begin());
            state_ = claw::LogState(state_.settings(), digest);
            adopted_ = true;
        }
        return;
    }
    const claw::StateLeaf made = state_.digests();
    const bool same_settings = !knows_state_ || said.setting_sha256 == made.setting_sha256;
    if (said.spent_sha256 != made.spent_sha256 || !same_settings) {
        find("states another state than the leaves before it make");
    }
}

/// A receipt's v1.0 form is recorded with it or not at all.
void StateAudit::check_legacy(const claw::ArtefactLeaf& leaf) {
    const bool is_first = index_ == 0 || (!knows_state_ && ids_.empty());
    if (leaf.artefact == kLegacyReceipt && receipt_before_ != leaf.id && !is_first) {
        find("is a v1.0 receipt that does not stand behind its receipt");
    }
}

void StateAudit::spend(const claw::SpentRow& row, const claw::ArtefactLeaf& leaf) {
    if (!ids_.insert(row.id).second) {
        find("spends the id " + leaf.id + " a second time");
    }
    if (row.nonce && !nonces_.insert(*row.nonce).second) {
        find("spends a nonce a second time");
    }
}

}  // namespace clawsigner::attest
