#include "claw/checkpoint.h"

#include "support/software_key.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using claw::Checkpoint;
using claw::CheckpointBody;
using claw::NoteKey;
using claw::NoteSignature;
using tests::SoftwareKey;

namespace {

// The example of the notes' first implementation (golang.org/x/mod/sumdb/note).
const std::string kPeter = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const std::string kPetersText =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
const std::string kPetersNote =
    kPetersText +
    "\n— PeterNeumann "
    "x08go/ZJkuBS9UG/"
    "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

const std::string kOrigin = "log.example.com/1";
const std::string kRoot = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

/// Who can sign in a name.
struct Author {
    SoftwareKey secret;
    NoteKey key;

    explicit Author(SoftwareKey of, const std::string& name = kOrigin)
        : secret(std::move(of)), key(NoteKey::of(name, secret.public_key()).value()) {}

    NoteSignature sign(std::string_view text) const { return {key, secret.sign(text)}; }
    std::string note(const std::string& text) const {
        const std::vector<NoteSignature> signatures{sign(text)};
        return claw::print_note(text, signatures);
    }
};

const Author& log_author() {
    static const Author author(SoftwareKey::golden());
    return author;
}
const Author& stranger() {
    static const Author author(SoftwareKey::random(crypto::Algorithm::ed25519), "witness.example");
    return author;
}
/// Another key in the log's name.
const Author& next() {
    static const Author author(SoftwareKey::random(crypto::Algorithm::ed25519));
    return author;
}

Checkpoint checkpoint() {
    return {kOrigin, 20852163, claw::leaf_hash(base::as_bytes("root"))};
}

CheckpointBody body() {
    return CheckpointBody::of(checkpoint()).value();
}

std::string note_by(const std::vector<const Author*>& authors) {
    std::vector<NoteSignature> signatures;
    for (const Author* author : authors) {
        signatures.push_back(author->sign(body().text()));
    }
    return body().note(signatures);
}

std::string refusal(std::string_view note, ErrorCode code, const NoteKey& key = log_author().key) {
    const auto opened = claw::open_checkpoint(note, key, kOrigin);
    if (opened.ok()) {
        return "accepted";
    }
    CHECK(opened.error().code == code);
    return opened.error().message;
}

/// Signed as it should be, whatever it says.
std::string malformed(const std::string& text) {
    return refusal(log_author().note(text), ErrorCode::invalid_field);
}

}  // namespace

TEST_CASE("note key: the published one reads back, and opens the published note", "[claw]") {
    const NoteKey key = NoteKey::parse(kPeter).value();
    CHECK(key.name() == "PeterNeumann");
    CHECK(key.id() == 0xc74f20a3);
    CHECK(key.text() == kPeter);
    CHECK(NoteKey::of("PeterNeumann", key.key())->text() == kPeter);
    CHECK(claw::open_note(kPetersNote, std::span(&key, 1)).value() == kPetersText);
    CHECK(refusal(kPetersNote, ErrorCode::invalid_field, key) ==
          "is not a checkpoint: its size is not a decimal number");
}

TEST_CASE("note key: a text that is not exactly one is refused", "[claw]") {
    for (const std::string& text :
         {std::string(), std::string("+"), std::string("++"), kPeter.substr(12),
          "Peter Neumann" + kPeter.substr(12), "Peterneumann" + kPeter.substr(12),
          std::string("PeterNeumann+C74F20A3") + kPeter.substr(21),
          std::string("PeterNeumann+c74f20a4") + kPeter.substr(21),
          std::string("PeterNeumann+0c74f20a3") + kPeter.substr(21), kPeter + "=", kPeter + "\n",
          kPeter.substr(0, kPeter.size() - 4), kPeter.substr(0, 22) + "BBpc" + kPeter.substr(26)}) {
        INFO(text);
        CHECK(NoteKey::parse(text).error().code == ErrorCode::invalid_field);
    }
}

TEST_CASE("note key: a name has no space, no plus and no control character, and is UTF-8",
          "[claw]") {
    const auto key = SoftwareKey::golden().public_key();
    for (const std::string& name :
         {std::string("log.example.com/1"), std::string("día"), std::string("記録")}) {
        CHECK(NoteKey::of(name, key).ok());
    }
    for (const std::string& name :
         {std::string(), std::string("a b"), std::string("a+b"), std::string("a\n"),
          std::string("a\u00a0b"), std::string("\u2003"), std::string("a\u0085"),
          std::string("a\0b", 3), std::string("a\x7f"), std::string("\xff"),
          std::string("\xc0\xaf"), std::string("\xed\xa0\x80"), std::string("\xe2\x82"),
          std::string("\xf4\x90\x80\x80"), std::string("\xe0\x80\x80")}) {
        INFO(name);
        CHECK_FALSE(NoteKey::of(name, key).ok());
    }
    CHECK_FALSE(NoteKey::of("a", SoftwareKey::random(crypto::Algorithm::p256).public_key()).ok());
}

TEST_CASE("checkpoint: its body is the three lines, which the log's key signs", "[claw]") {
    Checkpoint of_the_specification{"example.com/behind-the-sofa", 20852163, {}};
    const Bytes root = base::base64_decode(kRoot).value();
    std::ranges::copy(root, of_the_specification.root.begin());
    const auto printed = CheckpointBody::of(of_the_specification).value();
    CHECK(printed.text() == "example.com/behind-the-sofa\n20852163\n" + kRoot + "\n");
    CHECK(std::ranges::equal(printed.input().bytes(), base::as_bytes(printed.text())));
}

TEST_CASE("checkpoint: an origin that would be no line, or another artefact, is not signed",
          "[claw]") {
    for (const std::string& origin :
         {std::string(), std::string("a\nb"), std::string("a\n0"), std::string("\xff"),
          std::string(256, 'a'), std::string(R"({"version":"1.0",)"),
          std::string("clawsigner-probe-v1:")}) {
        INFO(origin);
        CHECK(CheckpointBody::of({origin, 0, {}}).error().field == "origin");
    }
    CHECK(CheckpointBody::of({std::string(255, 'a'), UINT64_MAX, {}}).ok());
}

TEST_CASE("checkpoint: a note signed by the log's key gives it back", "[claw]") {
    const std::string note = note_by({&log_author()});
    CHECK(note.starts_with(body().text() + "\n— " + kOrigin + " "));
    CHECK(claw::open_checkpoint(note, log_author().key, kOrigin).value() == checkpoint());
}

TEST_CASE("checkpoint: others' signatures beside the log's are ignored", "[claw]") {
    CHECK(refusal(note_by({&stranger(), &log_author()}), ErrorCode::internal) == "accepted");
    CHECK(refusal(note_by({&log_author(), &next()}), ErrorCode::internal) == "accepted");
    const std::vector<NoteSignature> forged{{stranger().key, {}}, log_author().sign(body().text())};
    CHECK(refusal(body().note(forged), ErrorCode::internal) == "accepted");
}

TEST_CASE("checkpoint: while the log changes its key, either opens the note", "[claw]") {
    const std::vector<NoteKey> both{log_author().key, next().key};
    for (const auto& note : {note_by({&log_author(), &next()}), note_by({&log_author()}),
                             note_by({&stranger(), &next()})}) {
        CHECK(claw::open_checkpoint(note, both, kOrigin).ok());
    }
    CHECK_FALSE(claw::open_checkpoint(note_by({&stranger()}), both, kOrigin).ok());
    CHECK_FALSE(
        claw::open_checkpoint(note_by({&log_author()}), std::span<const NoteKey>(), kOrigin).ok());
    const std::vector<NoteSignature> one_forged{log_author().sign(body().text()),
                                                next().sign("another text\n")};
    CHECK_FALSE(claw::open_checkpoint(body().note(one_forged), both, kOrigin).ok());
    CHECK(claw::open_checkpoint(body().note(one_forged), log_author().key, kOrigin).ok());
}

TEST_CASE("checkpoint: a note the key did not sign is refused, and says why", "[claw]") {
    const auto refused = [](std::string_view note) {
        return refusal(note, ErrorCode::proof_invalid);
    };
    const std::string forged = "has a forged signature: it does not verify with the key it names";
    CHECK(refused(note_by({&stranger()})) == "is not signed by a known key");
    CHECK(refused(note_by({&next()})) == "is signed in the key's name by a key with another id");
    // A fork: what the log signed, put below another tree.
    Checkpoint fork = checkpoint();
    fork.root = claw::leaf_hash(base::as_bytes("another root"));
    const std::vector<NoteSignature> stolen{log_author().sign(body().text())};
    CHECK(refused(CheckpointBody::of(fork)->note(stolen)) == forged);
    const std::vector<NoteSignature> doubled{log_author().sign(body().text()),
                                             log_author().sign("another text\n")};
    CHECK(refused(body().note(doubled)) == forged);
    std::string of_another_length = note_by({&log_author()});
    of_another_length.erase(of_another_length.size() - 5, 4);
    CHECK(refused(of_another_length) == forged);
    Checkpoint elsewhere = checkpoint();
    elsewhere.origin = "log.example.com/2";
    CHECK(refused(log_author().note(CheckpointBody::of(elsewhere)->text())) ==
          "is a checkpoint of another origin");
}

TEST_CASE("checkpoint: a signed text that is no checkpoint of ours is refused, and says why",
          "[claw]") {
    const std::string rest = "\n" + kRoot + "\n";
    const std::string size = "is not a checkpoint: its size is not a decimal number";
    const std::string root = "is not a checkpoint: its root is not the base64 of 32 bytes";
    CHECK(malformed(kOrigin + "\n1" + rest) == "accepted");
    CHECK(malformed(kOrigin + "\n1" + rest + "extension\n") ==
          "is a checkpoint with extension lines, which ours has not");
    CHECK(malformed(kOrigin + "\n01" + rest) == size + " as it is printed: it has a leading zero");
    CHECK(malformed(kOrigin + "\n18446744073709551616" + rest) ==
          "is not a checkpoint: its size is not below 2^64");
    CHECK(malformed(kOrigin + "\n-1" + rest) == size);
    CHECK(malformed(kOrigin + "\n" + rest) == size);
    CHECK(malformed("\n1" + rest) == "is not a checkpoint: its first line is no origin");
    CHECK(malformed(std::string(256, 'a') + "\n1" + rest) ==
          "is not a checkpoint: its first line is no origin");
    CHECK(malformed(kOrigin + "\n1\n") == root);
    CHECK(malformed(kOrigin + "\n1\n" + kRoot.substr(0, 43) + "\n") == root);
    CHECK(malformed(kOrigin + "\n1\n" + kRoot.substr(0, 42) + "J=\n") == root);
    CHECK(malformed(kOrigin + "\n1\n" + kRoot.substr(4) + "\n") == root);
}

TEST_CASE("checkpoint: what is no signed note, or too much of one, is refused", "[claw]") {
    const auto refused = [](std::string_view note) {
        return refusal(note, ErrorCode::invalid_field);
    };
    const std::string good = note_by({&log_author()});
    const std::string no_note = "is not a signed note: a text, an empty line, and signature lines";
    const std::string bad_line = "is not a signed note: a signature line is malformed";
    const std::string bad_text = "is not a signed note: not UTF-8, or with control characters";
    CHECK(refused("") == no_note);
    CHECK(refused(body().text()) == no_note);
    CHECK(refused(body().text() + "\n") == no_note);
    CHECK(refused(good.substr(0, good.size() - 1)) == no_note);
    CHECK(refused(good + "\n") == no_note);
    CHECK(refused(good + "x\n") == bad_line);
    CHECK(refused(good + "— x\n") == bad_line);
    CHECK(refused(good + "— x AAAAAA==\n") == bad_line);
    CHECK(refused(good + "— x AAAAAAB=\n") == bad_line);
    CHECK(refused(good + "— x  AAAAAAA=\n") == bad_line);
    CHECK(refused(good + "— a+b AAAAAAA=\n") == bad_line);
    CHECK(refused(good + "—  AAAAAAA=\n") == bad_line);
    CHECK(refused(good + "- x AAAAAAA=\n") == bad_line);
    CHECK(refused("\t" + good) == bad_text);
    CHECK(refused("\xff" + good) == bad_text);
    CHECK(refused(std::string(claw::kMaxNoteBytes, 'x') + good) == "is longer than 65536 bytes");
    std::string sixteen = good;
    for (int i = 0; i < 15; ++i) {
        sixteen.append("— x AAAAAAA=\n");
    }
    CHECK(refused(sixteen) == "accepted");
    CHECK(refused(sixteen + "— x AAAAAAA=\n") == "is a signed note with more than 16 signatures");
}
