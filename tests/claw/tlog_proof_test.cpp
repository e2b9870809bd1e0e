#include "claw/tlog_proof.h"

#include "claw/tile_tree.h"
#include "support/memory_log.h"
#include "support/software_key.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using claw::NoteKey;
using claw::TlogProof;
using tests::MemoryLog;
using tests::SoftwareKey;

namespace {

const std::string kOrigin = "log.example.com/1";
constexpr std::uint64_t kSize = 300;
constexpr std::uint64_t kIndex = 258;

const std::vector<NoteKey>& keys() {
    static const std::vector<NoteKey> of_the_log{
        NoteKey::of(kOrigin, SoftwareKey::golden().public_key()).value()};
    return of_the_log;
}

std::string signed_checkpoint(const MemoryLog& log, std::uint64_t size) {
    const auto body =
        claw::CheckpointBody::of({kOrigin, size, claw::root_at(size, log).value()}).value();
    const std::vector<claw::NoteSignature> signatures{
        {keys().front(), SoftwareKey::golden().sign(body.text())}};
    return body.note(signatures);
}

TlogProof proof_of(std::uint64_t index, std::uint64_t size = kSize) {
    const MemoryLog log(size);
    return {
        index, claw::inclusion_path(index, size, log).value(), signed_checkpoint(log, size), {}};
}

std::string refusal(const TlogProof& proof, const claw::TreeHash& leaf,
                    std::string_view origin = kOrigin) {
    const auto checkpoint = claw::check_proof(proof, leaf, keys(), origin);
    return checkpoint.ok() ? "holds" : checkpoint.error().message;
}

const std::string kHash = base::base64_encode(MemoryLog::leaf(1));

}  // namespace

TEST_CASE("tlog proof: what is in the log is proven by a file alone", "[claw]") {
    const std::string file = claw::print_proof(proof_of(kIndex));
    CHECK(file.starts_with("c2sp.org/tlog-proof@v1\nindex 258\n"));
    const auto proof = claw::parse_proof(file).value();
    CHECK(claw::print_proof(proof) == file);
    const auto checkpoint =
        claw::check_proof(proof, MemoryLog::leaf(kIndex), keys(), kOrigin).value();
    CHECK(checkpoint.size == kSize);
    CHECK(checkpoint.root == MemoryLog(kSize).tree.root());
}

TEST_CASE("tlog proof: the only leaf of a log has an empty path", "[claw]") {
    const TlogProof proof = proof_of(0, 1);
    CHECK(claw::print_proof(proof) == "c2sp.org/tlog-proof@v1\nindex 0\n\n" + proof.checkpoint);
    CHECK(refusal(claw::parse_proof(claw::print_proof(proof)).value(), MemoryLog::leaf(0)) ==
          "holds");
}

TEST_CASE("tlog proof: extra data are kept and prove nothing", "[claw]") {
    TlogProof proof = proof_of(kIndex);
    proof.extra = {1, 2, 3};
    const std::string file = claw::print_proof(proof);
    CHECK(file.starts_with("c2sp.org/tlog-proof@v1\nextra AQID\nindex 258\n"));
    const auto read = claw::parse_proof(file).value();
    CHECK(read.extra == proof.extra);
    CHECK(refusal(read, MemoryLog::leaf(kIndex)) == "holds");
}

TEST_CASE("tlog proof: a proof that does not hold is refused, and says why", "[claw]") {
    const TlogProof good = proof_of(kIndex);
    const claw::TreeHash leaf = MemoryLog::leaf(kIndex);
    CHECK(refusal(good, leaf) == "holds");
    CHECK(refusal(good, MemoryLog::leaf(kIndex + 1)) ==
          "the inclusion path does not lead to the root");
    CHECK(refusal(good, leaf, "log.example.com/2") == "is a checkpoint of another origin");
    TlogProof bad = good;
    bad.index = kSize;
    CHECK(refusal(bad, leaf) == "the index is not below the tree's size");
    bad = good;
    bad.path.pop_back();
    CHECK(refusal(bad, leaf) == "the inclusion path is too short");
    bad = good;
    bad.path.push_back(leaf);
    CHECK(refusal(bad, leaf) == "the inclusion path is too long");
    bad = good;
    bad.checkpoint = proof_of(kIndex, kSize + 1).checkpoint;
    CHECK(refusal(bad, leaf) == "the inclusion path does not lead to the root");
    bad = good;
    bad.checkpoint.replace(bad.checkpoint.find("\n300\n"), 5, "\n301\n");
    CHECK(refusal(bad, leaf) == "has a forged signature: it does not verify with the key it names");
}

TEST_CASE("tlog proof: a file that is not exactly one is refused, and says why", "[claw]") {
    const std::string start = "c2sp.org/tlog-proof@v1\n";
    const auto [text, why] = GENERATE_COPY(table<std::string, std::string>({
        {"", "it does not begin with c2sp.org/tlog-proof@v1"},
        {"c2sp.org/tlog-proof@v2\nindex 0\n\nx", "it does not begin with c2sp.org/tlog-proof@v1"},
        {start, "it ends too early"},
        {start + "index 0\n", "it ends too early"},
        {start + "index 0\n" + kHash, "it ends too early"},
        {start + "index 0\n\n", "it has no checkpoint"},
        {start + "\n\nx", "it does not say an index"},
        {start + "Index 0\n\nx", "it does not say an index"},
        {start + "index 00\n\nx",
         "its index is not a decimal number as it is printed: it has a leading zero"},
        {start + "index \n\nx", "its index is not a decimal number"},
        {start + "index 18446744073709551616\n\nx", "its index is not below 2^64"},
        {start + "index 0\n" + kHash.substr(4) + "\n\nx",
         "a hash of its path is not the base64 of 32 bytes"},
        {start + "index 0\n" + kHash.substr(0, 43) + "\n\nx",
         "a hash of its path is not the base64 of 32 bytes"},
        {start + "extra \nindex 0\n\nx", "its extra data are not base64, or there are none"},
        {start + "extra AQI\nindex 0\n\nx", "its extra data are not base64, or there are none"},
        {start + "index 0\nextra AQID\n\nx", "a hash of its path is not the base64 of 32 bytes"},
        {start + "extra AQID\nextra AQID\nindex 0\n\nx", "it does not say an index"},
    }));
    INFO(text);
    const auto proof = claw::parse_proof(text);
    REQUIRE_FALSE(proof.ok());
    CHECK(proof.error().code == ErrorCode::invalid_field);
    CHECK(proof.error().message == "is not a proof: " + why);
}

TEST_CASE("tlog proof: no path is longer than a tree is high, and no file endless", "[claw]") {
    std::string text = "c2sp.org/tlog-proof@v1\nindex 0\n";
    for (std::size_t i = 0; i < claw::kMaxProofPath; ++i) {
        text.append(kHash).append("\n");
    }
    CHECK(claw::parse_proof(text + "\nx").ok());
    CHECK_FALSE(claw::parse_proof(text + kHash + "\n\nx").ok());
    CHECK_FALSE(claw::parse_proof(text + "\n" + std::string(claw::kMaxProofBytes, 'x')).ok());
}
