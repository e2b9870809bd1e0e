#pragma once

#include "base/result.h"
#include "claw/leaf.h"
#include "claw/log_state.h"
#include "claw/tile_tree.h"
#include "ledger/database.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace clawsigner::ledger {

/// Reads the ledger's tables over one connection. One thread at a time.
class View {
public:
    View() = default;  // of nothing
    /// `database` outlives the view. Error: as sqlite_error.
    static Result<View> of(Database& database);

    /// How many leaves there are, pruned ones among them.
    Result<std::uint64_t> size();
    /// Nothing for a leaf that was pruned or is not there yet.
    Result<std::optional<std::string>> leaf(std::uint64_t index);
    /// How many full tiles there are, of all levels.
    Result<std::uint64_t> tiles();
    /// The hashes of a full tile. Error: ledger_damaged, when it is not there or no tile.
    Result<std::vector<claw::TreeHash>> full_tile(unsigned level, std::uint64_t index);

    Result<std::optional<std::uint64_t>> leaf_of_id(const claw::SpentName& id);
    struct FoundLeaf {
        std::uint64_t index = 0;
        std::optional<std::string> body;  // nothing for one that was pruned
    };
    Result<std::optional<FoundLeaf>> body_of_id(const claw::SpentName& id);
    Result<std::optional<std::uint64_t>> leaf_of_nonce(const claw::SpentName& nonce);
    /// What was handed out with this leaf, while it is kept.
    Result<std::optional<std::string>> answer(std::uint64_t leaf);

    /// What is kept under a digest, if anything; nobody has held it against the digest.
    Result<std::optional<std::string>> document(const crypto::Sha256& digest);

    Result<claw::LogState> state();
    /// The newest signed note; nothing before the first.
    Result<std::optional<std::string>> latest_checkpoint();

private:
    Result<std::optional<std::uint64_t>> find(Statement& statement, const claw::SpentName& name);

    Database* database_ = nullptr;
    Statement size_;
    Statement leaf_;
    Statement tile_;
    Statement id_;
    Statement body_;
    Statement nonce_;
    Statement answer_;
    Statement document_;
};

/// Where a full tile stands in its table.
std::int64_t tile_row(unsigned level, std::uint64_t index) noexcept;

}  // namespace clawsigner::ledger
