#include "attest/pruned.h"

#include "attest/log_audit.h"
#include "claw/pruned.h"
#include "support/signed_log.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using tests::SignedLog;

namespace {

const attest::Progress kSilent = [](std::uint64_t, std::uint64_t) {};
const UnixMillis kLater{std::chrono::seconds(2)};  // than every leaf of a SignedLog

claw::ActLeaf pruning(std::uint64_t until) {
    claw::ActLeaf leaf;
    leaf.act = "log.prune";
    leaf.subject = "leaves";
    leaf.set[std::string(claw::kPrunedRow)] = claw::pruned_value(until);
    return leaf;
}

/// A log of 900 receipts and two `state` leaves, that was pruned before 512, and says `said`.
struct Pruned {
    SignedLog log;
    tests::TempDir older;

    explicit Pruned(std::uint64_t said = 512) {
        log.add_receipts(600);
        log.add_state();
        log.publish();
        attest::LogDirectory copy(older.path());
        REQUIRE(attest::export_log(log, copy, log.key, kSilent).ok());
        log.add(pruning(said));
        log.add_receipts(300, "s");
        log.add_state();
        log.publish();
        log.files.erase("tile/entries/000");
        log.files.erase("tile/entries/001");
    }
    attest::AuditTerms terms() const {
        attest::AuditTerms terms;
        terms.key = log.key;
        terms.may_be_pruned = true;
        return terms;
    }
};

}  // namespace

TEST_CASE("pruned log: an audit reads what is there, and says what is not", "[attest]") {
    Pruned on;
    const auto audit = attest::audit_log(on.log, on.terms(), kSilent).value();
    CHECK(audit.good());
    CHECK(audit.pruned == 512);
    CHECK_FALSE(audit.state);
    on.log.files["tile/0/000"][7] ^= 1;
    CHECK_FALSE(attest::audit_log(on.log, on.terms(), kSilent).value().good());
}

TEST_CASE("pruned log: bodies that no leaf says were pruned are missing", "[attest]") {
    Pruned on(256);
    const auto audit = attest::audit_log(on.log, on.terms(), kSilent).value();
    REQUIRE(audit.findings_count == 1);
    CHECK(audit.findings.front().what ==
          "leaves 0 to 511 are missing, and no leaf says that they were pruned");
    tests::TempDir directory;
    attest::LogDirectory copy(directory.path());
    const auto exported = attest::export_log(on.log, copy, on.log.key, kSilent);
    CHECK(exported.error().code == ErrorCode::proof_invalid);
    CHECK(copy.read("checkpoint").error().code == ErrorCode::not_found);
}

TEST_CASE("pruned log: a copy that somebody keeps must be whole", "[attest]") {
    Pruned on;
    attest::AuditTerms terms = on.terms();
    terms.may_be_pruned = false;
    const auto audit = attest::audit_log(on.log, terms, kSilent).value();
    REQUIRE_FALSE(audit.good());
    CHECK(audit.findings.front().what == "tile/entries/000 is missing");
    terms.since = 512;
    CHECK(attest::audit_log(on.log, terms, kSilent).value().good());
}

TEST_CASE("pruned log: with the older export all of it is audited", "[attest]") {
    Pruned on;
    attest::LogDirectory older(on.older.path());
    attest::WithOlder whole(on.log, older);
    const auto audit = attest::audit_log(whole, on.terms(), kSilent).value();
    CHECK(audit.good());
    CHECK(audit.pruned == 0);
    CHECK(audit.state == on.log.state.digests());
}

TEST_CASE("pruned log: an export goes on in its directory, and a new one lacks bodies",
          "[attest]") {
    Pruned on;
    attest::LogDirectory older(on.older.path());
    CHECK(attest::export_log(on.log, older, on.log.key, kSilent).ok());
    CHECK(attest::audit_directory(older, {on.log.key, std::nullopt, 0}, kSilent).value().good());
    tests::TempDir directory;
    attest::LogDirectory copy(directory.path());
    const auto made = attest::export_log(on.log, copy, on.log.key, kSilent).value();
    CHECK(attest::first_readable(copy, 0, made.size).value() == 512);
    CHECK(copy.read("tile/0/000").ok());
}

TEST_CASE("pruned log: what may go is old, whole bundles, and stated by a state leaf behind",
          "[attest]") {
    SignedLog log;
    log.add_receipts(600);
    const auto plan = [&](UnixMillis before) {
        log.publish();
        return attest::plan_pruning(log, {log.key.name(), log.bodies.size(), {}}, before);
    };
    CHECK_THAT(plan(kLater).error().message, Catch::Contains("no state leaf"));
    log.add_state();
    CHECK(plan(kLater).value().until == 512);
    CHECK(plan(kLater).value().state == 602);
    CHECK_THAT(plan(UnixMillis(std::chrono::seconds(1))).error().message,
               Catch::Contains("fewer than 256"));
}
