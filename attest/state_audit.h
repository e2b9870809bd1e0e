#pragma once

#include "base/result.h"
#include "claw/leaf.h"
#include "claw/log_state.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace clawsigner::attest {

/// Reads a log's leaves for what they say: each is one this version knows, no name is spent and no
/// setting set twice, and every `state` leaf says what the leaves before it make. Remembers every
/// name: about 50 bytes for each artefact.
class StateAudit {
public:
    /// From the first leaf on, or from a later one: what was spent and set before is then not
    /// known, and the first `state` leaf is believed.
    explicit StateAudit(bool from_the_start) : knows_state_(from_the_start) {}

    /// What is wrong with the next leaf; each sentence names it.
    std::vector<std::string> next(std::uint64_t index, const std::string& body);

    const claw::LogState& state() const noexcept { return state_; }

private:
    void check_content(std::uint64_t index, const claw::Leaf& leaf);
    void check_state(const claw::StateLeaf& said);
    void check_legacy(const claw::ArtefactLeaf& leaf);
    void spend(const claw::SpentRow& row, const claw::ArtefactLeaf& leaf);
    void find(std::string what);

    /// Names are the beginning of a digest, and so is the beginning of a name.
    struct Beginning {
        std::size_t operator()(const claw::SpentName& name) const noexcept {
            std::size_t value = 0;
            std::memcpy(&value, name.data(), sizeof value);
            return value;
        }
    };
    using Names = std::unordered_set<claw::SpentName, Beginning>;

    bool knows_state_;
    bool adopted_ = false;  // a `state` leaf was believed
    claw::LogState state_;
    Names ids_;
    Names nonces_;
    std::string receipt_before_;  // the id of the leaf before, when that was a receipt's
    std::uint64_t index_ = 0;
    std::vector<std::string> found_;
};

}  // namespace clawsigner::attest
