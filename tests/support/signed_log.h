#pragma once

#include "attest/log_files.h"
#include "claw/checkpoint.h"
#include "claw/leaf.h"
#include "claw/log_state.h"
#include "support/software_key.h"

#include <map>
#include <string>
#include <vector>

namespace clawsigner::tests {

/// A log of leaves that a test chose, as the files a daemon would serve of it, signed by a key in
/// memory. The files can be edited.
class SignedLog final : public attest::LogFiles {
public:
    explicit SignedLog(SoftwareKey signer = SoftwareKey::golden(), std::string name = "test.log/1")
        : signer_(std::move(signer)),
          key(claw::NoteKey::of(std::move(name), signer_.public_key()).value()) {
        add(claw::SettingLeaf{"origin", key.name()});
        add(claw::SettingLeaf{"log_key", key.text()});
    }

    void add(const claw::LeafContent& content) {
        const claw::Leaf leaf{UnixMillis(std::chrono::seconds(1)), content};
        (void)state.add(claw::rows_of(bodies.size(), leaf).value());
        bodies.push_back(claw::leaf_text(leaf));
    }
    void add_state() { add(state.digests()); }
    /// Receipts of the ids "PREFIX-0" to "PREFIX-(count-1)".
    void add_receipts(std::size_t count, const std::string& prefix = "r") {
        const std::string hash(43, 'A');
        for (std::size_t i = 0; i < count; ++i) {
            claw::ArtefactLeaf leaf;
            leaf.family = crypto::Family::gateway_receipt;
            leaf.artefact = "gateway_receipt";
            leaf.id = prefix + "-" + std::to_string(i);
            leaf.kid = "kid";
            leaf.signed_sha256 = hash;
            leaf.answer_sha256 = hash;
            leaf.rule = "role.proxy";
            add(leaf);
        }
    }

    std::string note(std::uint64_t size, const claw::TreeHash& root) const {
        const auto body = claw::CheckpointBody::of({key.name(), size, root}).value();
        const std::vector<claw::NoteSignature> signatures{{key, signer_.sign(body.text())}};
        return body.note(signatures);
    }

    /// Files of the bodies as they are now.
    void publish() {
        claw::TileTree tree;
        for (const std::string& body : bodies) {
            for (const claw::FullTile& tile : tree.append(claw::leaf_hash(base::as_bytes(body)))) {
                files[claw::tile_path({tile.level, tile.index, claw::kTileWidth})] =
                    claw::encode_tile(tile.hashes);
            }
        }
        for (unsigned level = 0; level < claw::kTreeLevels; ++level) {
            if (const auto edge = tree.edge(level); !edge.empty()) {
                const std::uint64_t index = (tree.size() >> (8U * level)) / claw::kTileWidth;
                files[claw::tile_path({level, index, edge.size()})] = claw::encode_tile(edge);
            }
        }
        for (std::uint64_t index = 0; attest::tile_width(0, index, tree.size()) > 0; ++index) {
            const std::size_t width = attest::tile_width(0, index, tree.size());
            const auto first = bodies.begin() + static_cast<std::ptrdiff_t>(index * 256);
            const std::vector<std::string> some(first, first + static_cast<std::ptrdiff_t>(width));
            files[claw::entries_path(index, width)] = claw::encode_entries(some);
        }
        files["checkpoint"] = note(tree.size(), tree.root());
    }

    Result<std::string> read(const std::string& path) override {
        reads.push_back(path);
        const auto file = files.find(path);
        return file != files.end() ? Result<std::string>(file->second)
                                   : Error(ErrorCode::not_found, "there is no " + path);
    }

private:
    SoftwareKey signer_;

public:
    claw::NoteKey key;
    claw::LogState state;
    std::vector<std::string> bodies;
    std::map<std::string, std::string> files;
    std::vector<std::string> reads;
};

}  // namespace clawsigner::tests
