#include "attest/log_export.h"

#include "attest/log_audit.h"
#include "base/file.h"
#include "support/signed_log.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace clawsigner;
using tests::SignedLog;

namespace {

const attest::Progress kSilent = [](std::uint64_t, std::uint64_t) {};

/// Empty when it was exported.
std::string exported(SignedLog& log, const std::filesystem::path& to) {
    attest::LogDirectory directory(to);
    const auto checkpoint = attest::export_log(log, directory, log.key, kSilent);
    return checkpoint.ok() ? "" : checkpoint.error().message;
}

attest::Audit audit_of(const std::filesystem::path& of) {
    attest::LogDirectory directory(of);
    return attest::audit_directory(directory, {}, kSilent).value();
}

std::string text_of(const std::filesystem::path& file) {
    return base::read_file(file, 1U << 24U).value();
}

}  // namespace

TEST_CASE("log export: the directory holds the log's files, byte for byte", "[attest]") {
    const tests::TempDir dir;
    SignedLog log;
    log.add_receipts(600);
    log.add_state();
    log.publish();
    REQUIRE(exported(log, dir / "a/b").empty());
    for (const auto& [path, content] : log.files) {
        CHECK(text_of(dir / "a/b" / path) == content);
    }
    CHECK(audit_of(dir / "a/b").good());
}

TEST_CASE("log export: goes on where it was, and reads no full tile again", "[attest]") {
    const tests::TempDir dir;
    SignedLog log;
    log.add_receipts(300);
    log.publish();
    REQUIRE(exported(log, dir / "x").empty());
    log.add_receipts(300, "s");
    log.publish();
    log.reads.clear();
    REQUIRE(exported(log, dir / "x").empty());
    CHECK(std::ranges::find(log.reads, "tile/entries/000") == log.reads.end());
    CHECK(std::ranges::find(log.reads, "tile/0/000") == log.reads.end());
    CHECK(std::ranges::find(log.reads, "tile/0/001") != log.reads.end());
    CHECK(audit_of(dir / "x").good());
    SECTION("what an older checkpoint has left is held against the newer files") {
        std::string old = text_of(dir / "x" / "tile/entries/001.p/46");
        old[20] = static_cast<char>(old[20] ^ 1);
        dir.write("x/tile/entries/001.p/46", old);
        const auto audit = audit_of(dir / "x");
        REQUIRE(audit.findings.size() == 1);
        CHECK(audit.findings.front().what ==
              "tile/entries/001.p/46 is not the beginning of tile/entries/001");
    }
}

TEST_CASE("log export: a log that does not hold is not exported", "[attest]") {
    const tests::TempDir dir;
    SignedLog log;
    log.add_receipts(300);
    log.publish();
    SECTION("an edited entry") {
        log.files["tile/entries/000"].back() = '!';
        CHECK_THAT(exported(log, dir / "x"), Catch::Contains("leaf 255 is not the one"));
        CHECK_FALSE(std::filesystem::exists(dir / "x" / "checkpoint"));
    }
    SECTION("an edited tile") {
        log.files["tile/1/000.p/1"][0] ^= 1;
        CHECK_THAT(exported(log, dir / "x"),
                   Catch::Contains("tile/1/000.p/1 does not hold the hashes"));
    }
    SECTION("a fork of what is there") {
        REQUIRE(exported(log, dir / "x").empty());
        SignedLog other;
        other.add_receipts(301, "other");
        other.publish();
        CHECK_THAT(exported(other, dir / "x"), Catch::StartsWith("forked: "));
        SignedLog shorter;
        shorter.publish();
        CHECK_THAT(exported(shorter, dir / "x"), Catch::StartsWith("rolled back: "));
    }
    SECTION("another key") {
        log.files["checkpoint"] =
            SignedLog(tests::SoftwareKey::random(crypto::Algorithm::ed25519)).note(302, {});
        CHECK_THAT(exported(log, dir / "x"), Catch::StartsWith("the checkpoint is signed in"));
    }
}
