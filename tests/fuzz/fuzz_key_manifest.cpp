#include "claw/key_manifest.h"
#include "claw/key_snapshot.h"
#include "fuzz/fuzz.h"

namespace clawsigner::fuzz {
namespace {

/// The keys the snapshots of the corpus name: that of RFC 8032, section 7.1, test 1.
const std::vector<crypto::PublicKey>& keys() {
    static const std::vector known{
        crypto::PublicKey::ed25519(
            base::hex_decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
                .value())
            .value()};
    return known;
}

}  // namespace

void fuzz(std::span<const std::uint8_t> input) {
    const std::string_view text = as_text(input);
    if (const auto manifest = claw::parse_key_manifest(text); manifest.ok()) {
        require(claw::key_manifest_text(*manifest) == text);
    }
    const auto found = claw::verify_key_snapshot(text, keys());
    require(found.snapshot.has_value() == found.verdict.valid());
    if (found.snapshot) {
        require(claw::SnapshotBody::of(*found.snapshot).ok());
    }
}

}  // namespace clawsigner::fuzz
