#pragma once

#include "base/encoding.h"
#include "base/result.h"
#include "claw/checkpoint.h"
#include "claw/merkle.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// C2SP tlog-proof, "c2sp.org/tlog-proof@v1" (no version of the text is tagged yet): a file that
/// shows, with no log at hand, that an entry is in one.
namespace clawsigner::claw {

inline constexpr std::size_t kMaxProofPath = 64;  // a tree's height, at most
inline constexpr std::size_t kMaxProofBytes = 131'072;

struct TlogProof {
    std::uint64_t index = 0;
    std::vector<TreeHash> path;
    std::string checkpoint;  // the signed note, as it is
    Bytes extra;  // signed by nobody and trusted by nothing here; empty when there is none
};

std::string print_proof(const TlogProof& proof);
/// Accepts what print_proof gives and nothing else; says nothing of whether it holds. Error:
/// invalid_field without a field name.
Result<TlogProof> parse_proof(std::string_view text);

/// The whole offline check: the note's signature and origin, then that `leaf` is in its tree.
/// Returns the checkpoint. Errors: as open_checkpoint and check_inclusion.
Result<Checkpoint> check_proof(const TlogProof& proof, const TreeHash& leaf,
                               std::span<const NoteKey> keys, std::string_view origin);

}  // namespace clawsigner::claw
