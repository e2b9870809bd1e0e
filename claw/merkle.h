#pragma once

#include "base/result.h"
#include "crypto/digest.h"

#include <cstdint>
#include <span>

/// The Merkle tree over a log's entries, RFC 9162 section 2.1 with SHA-256, which is RFC 6962's:
/// leaves and inner nodes are hashed apart, so that neither can be shown for the other.
namespace clawsigner::claw {

using TreeHash = crypto::Sha256;

/// SHA-256(0x00 || entry), section 2.1.1.
TreeHash leaf_hash(ByteView entry);

/// SHA-256(0x01 || left || right), section 2.1.1.
TreeHash node_hash(const TreeHash& left, const TreeHash& right);

/// The Merkle Tree Hash over nodes of one level, section 2.1.1; the last may be the root of a
/// smaller part, as at a tree's right edge. Of no nodes: SHA-256("").
TreeHash tree_hash(std::span<const TreeHash> hashes);

/// Is `leaf` the entry number `index` of the tree of `size` leaves with this root? Section 2.1.3.2.
/// Error: proof_invalid.
Status check_inclusion(const TreeHash& leaf, std::uint64_t index, std::uint64_t size,
                       std::span<const TreeHash> path, const TreeHash& root);

/// Do the new tree's first `old_size` leaves make the old tree? Section 2.1.4.2. Beyond it, which
/// leaves out both: of equal sizes the roots must be the same, and of an empty old tree the root
/// must be SHA-256(""); the path is then empty. Error: proof_invalid.
Status check_consistency(std::uint64_t old_size, const TreeHash& old_root, std::uint64_t new_size,
                         const TreeHash& new_root, std::span<const TreeHash> path);

}  // namespace clawsigner::claw
