#include "claw/inclusion.h"

#include "claw/leaf.h"

#include <algorithm>
#include <string_view>

namespace clawsigner::claw {
namespace {

Error refused(std::string what) {
    return {ErrorCode::proof_invalid, std::move(what)};
}

Result<Checkpoint> open(const TlogProof& proof, const NoteKey& key) {
    auto checkpoint = open_checkpoint(proof.checkpoint, key, key.name());
    if (!checkpoint.ok()) {
        Error error = std::move(checkpoint).error();
        error.message.insert(0, "the checkpoint ");
        return error;
    }
    return checkpoint;
}

Result<ArtefactLeaf> artefact_of(const TlogProof& proof) {
    const std::string_view body(reinterpret_cast<const char*>(proof.extra.data()),
                                proof.extra.size());
    const auto leaf = parse_leaf(body);
    if (!leaf.ok()) {
        return refused("the leaf cannot be read: " + leaf.error().message);
    }
    const auto* artefact = std::get_if<ArtefactLeaf>(&leaf->content);
    return artefact != nullptr ? Result<ArtefactLeaf>(*artefact)
                               : refused("the leaf is not that of an artefact");
}

Status check_same(const ArtefactLeaf& leaf, const Recorded& expected) {
    const auto member = [](bool same, std::string_view name) {
        return same ? Status::done()
                    : Status(refused("the leaf is another artefact's: it has another " +
                                     std::string(name)));
    };
    CHECK_OK(member(leaf.family == expected.family, "family"));
    CHECK_OK(member(leaf.id == expected.id, "id"));
    CHECK_OK(member(leaf.kid == expected.kid, "kid"));
    CHECK_OK(member(leaf.signed_sha256 == expected.signed_sha256, "signed_sha256"));
    return member(leaf.answer_sha256 == expected.answer_sha256, "answer_sha256");
}

}  // namespace

Result<Inclusion> check_included(const TlogProof& proof, std::span<const Recorded> artefacts,
                                 const NoteKey& key) {
    if (proof.extra.empty()) {
        return refused("the proof carries no leaf as its extra data");
    }
    TRY(Checkpoint checkpoint, open(proof, key));
    CHECK_OK(check_inclusion(leaf_hash(proof.extra), proof.index, checkpoint.size, proof.path,
                             checkpoint.root));
    TRY(const ArtefactLeaf leaf, artefact_of(proof));
    const auto expected = std::ranges::find(artefacts, leaf.artefact, &Recorded::artefact);
    if (expected == artefacts.end()) {
        return refused("the leaf is that of another kind of artefact: " + leaf.artefact);
    }
    CHECK_OK(check_same(leaf, *expected));
    return Inclusion{std::move(checkpoint), proof.index, leaf.artefact};
}

}  // namespace clawsigner::claw
