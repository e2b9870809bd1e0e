#pragma once

#include "base/result.h"
#include "claw/checkpoint.h"
#include "claw/note_key.h"
#include "claw/tlog_proof.h"
#include "crypto/family.h"

#include <cstdint>
#include <span>
#include <string>

/// Whether what was handed out stands in the log, with nothing at hand but a proof.
namespace clawsigner::claw {

/// What an artefact's leaf must say of it. A verifier works it out from the artefact.
struct Recorded {
    crypto::Family family{};
    std::string artefact;  // as ArtefactLeaf has it
    std::string id;
    std::string kid;
    std::string signed_sha256;
    std::string answer_sha256;
};

struct Inclusion {
    Checkpoint checkpoint;
    std::uint64_t leaf = 0;
    std::string artefact;  // which of them
};

/// Is the leaf that the proof carries as its extra data in the log of `key`, whose name is its
/// origin, and is it the leaf of one of these (a receipt, and the v1.0 receipt made with it)?
/// Errors: proof_invalid, by what does not hold; invalid_field, when the checkpoint is no note.
Result<Inclusion> check_included(const TlogProof& proof, std::span<const Recorded> artefacts,
                                 const NoteKey& key);

}  // namespace clawsigner::claw
