#include "claw/tlog_proof.h"

#include <algorithm>

namespace clawsigner::claw {
namespace {

constexpr std::string_view kHeader = "c2sp.org/tlog-proof@v1\n";
constexpr std::string_view kExtra = "extra ";
constexpr std::string_view kIndex = "index ";

Error unreadable(std::string_view why) {
    return Error(ErrorCode::invalid_field, "is not a proof: " + std::string(why));
}

/// The line `text` begins with, taken off it with its newline.
Result<std::string_view> take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) {
        return unreadable("it ends too early");
    }
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
}

Result<Bytes> take_extra(std::string_view& text) {
    if (!text.starts_with(kExtra)) {
        return Bytes();
    }
    TRY(const std::string_view line, take_line(text));
    const auto extra = base::base64_decode(line.substr(kExtra.size()));
    if (!extra.ok() || extra->empty()) {
        return unreadable("its extra data are not base64, or there are none");
    }
    return *extra;
}

Result<std::uint64_t> take_index(std::string_view& text) {
    TRY(const std::string_view line, take_line(text));
    if (!line.starts_with(kIndex)) {
        return unreadable("it does not say an index");
    }
    const auto index = base::decimal_decode(line.substr(kIndex.size()));
    if (!index.ok()) {
        return unreadable("its index " + index.error().message);
    }
    return *index;
}

Result<TreeHash> parse_hash(std::string_view line) {
    TreeHash hash{};
    const auto bytes = base::base64_decode(line);
    if (!bytes.ok() || bytes->size() != hash.size()) {
        return unreadable("a hash of its path is not the base64 of 32 bytes");
    }
    std::ranges::copy(*bytes, hash.begin());
    return hash;
}

/// With the empty line that ends it.
Result<std::vector<TreeHash>> take_path(std::string_view& text) {
    std::vector<TreeHash> path;
    while (true) {
        TRY(const std::string_view line, take_line(text));
        if (line.empty()) {
            return path;
        }
        if (path.size() == kMaxProofPath) {
            return unreadable("its path has more than 64 hashes");
        }
        TRY(path.emplace_back(), parse_hash(line));
    }
}

}  // namespace

std::string print_proof(const TlogProof& proof) {
    std::string text(kHeader);
    if (!proof.extra.empty()) {
        text.append(kExtra).append(base::base64_encode(proof.extra)).append("\n");
    }
    text.append(kIndex).append(std::to_string(proof.index)).append("\n");
    for (const TreeHash& hash : proof.path) {
        text.append(base::base64_encode(hash)).append("\n");
    }
    return text.append("\n").append(proof.checkpoint);
}

Result<TlogProof> parse_proof(std::string_view text) {
    if (text.size() > kMaxProofBytes) {
        return unreadable("it is longer than 131072 bytes");
    }
    if (!text.starts_with(kHeader)) {
        return unreadable("it does not begin with c2sp.org/tlog-proof@v1");
    }
    text.remove_prefix(kHeader.size());
    TlogProof proof;
    TRY(proof.extra, take_extra(text));
    TRY(proof.index, take_index(text));
    TRY(proof.path, take_path(text));
    if (text.empty()) {
        return unreadable("it has no checkpoint");
    }
    proof.checkpoint = text;
    return proof;
}

Result<Checkpoint> check_proof(const TlogProof& proof, const TreeHash& leaf,
                               std::span<const NoteKey> keys, std::string_view origin) {
    TRY(Checkpoint checkpoint, open_checkpoint(proof.checkpoint, keys, origin));
    CHECK_OK(check_inclusion(leaf, proof.index, checkpoint.size, proof.path, checkpoint.root));
    return checkpoint;
}

}  // namespace clawsigner::claw
