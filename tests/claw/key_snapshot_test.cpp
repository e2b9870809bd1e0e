#include "claw/key_snapshot.h"

#include "support/key_history.h"
#include "support/software_key.h"

#include <catch2/catch.hpp>

using namespace clawsigner;
using claw::VerdictCode;
using tests::KeyHistory;
using tests::SoftwareKey;
using tests::text_of;

namespace {

const std::string kFile = "a rotation under way";

/// The snapshot of a history, as its active key signs it.
std::string signed_snapshot(const claw::KeySnapshot& snapshot) {
    const auto body = claw::SnapshotBody::of(snapshot).value();
    return body.signed_by_active(SoftwareKey::golden().sign(body.input().bytes()));
}

claw::KeySnapshot some_snapshot() {
    const auto history = tests::key_history(kFile);
    return claw::snapshot_of(history.family, history.now, history.overlap);
}

std::vector<crypto::PublicKey> golden_keys() {
    return {SoftwareKey::random(crypto::Algorithm::p256).public_key(),
            SoftwareKey::golden().public_key()};
}

VerdictCode verdict_of(const std::string& text) {
    const auto found = claw::verify_key_snapshot(text, golden_keys());
    CHECK(found.snapshot.has_value() == found.verdict.valid());
    return found.verdict.code;
}

/// What is said of a snapshot whose lists are changed before it is signed.
template <class Change>
VerdictCode verdict_with(Change change) {
    auto snapshot = some_snapshot();
    change(snapshot.kids);
    return verdict_of(signed_snapshot(snapshot));
}

}  // namespace

TEST_CASE("key snapshot: says what the other language says, byte for byte", "[claw]") {
    int compared = 0;
    for (const KeyHistory& history : tests::key_histories()) {
        INFO(history.name);
        const auto snapshot = claw::snapshot_of(history.family, history.now, history.overlap);
        if (history.row.as_object().contains("snapshot")) {
            CHECK(claw::SnapshotBody::of(snapshot)->text() ==
                  text_of(history.row, "snapshot_text"));
            CHECK(signed_snapshot(snapshot) == text_of(history.row, "snapshot"));
            ++compared;
        }
    }
    CHECK(compared == 3);
}

TEST_CASE("key snapshot: a valid one is read again, in whatever layout", "[claw]") {
    const auto snapshot = some_snapshot();
    std::string text = signed_snapshot(snapshot);
    text.insert(1, "\n  \"r2_object_key\": \"a/b.json\",\n");
    const auto found = claw::verify_key_snapshot(text, golden_keys());
    REQUIRE(found.verdict.valid());
    CHECK(found.snapshot->kids == snapshot.kids);
    CHECK(found.snapshot->generated_at == snapshot.generated_at);
    CHECK(found.snapshot->overlap == snapshot.overlap);
}

TEST_CASE("key snapshot: without an active key there is none", "[claw]") {
    const auto history = tests::key_history("none active");
    const auto snapshot = claw::snapshot_of(history.family, history.now, history.overlap);
    CHECK(claw::SnapshotBody::of(snapshot).error().code == ErrorCode::key_missing);
}

TEST_CASE("key snapshot: one that was changed, or signed by another, is refused", "[claw]") {
    const std::string good = signed_snapshot(some_snapshot());
    const auto bent = [&](const std::string& from, const std::string& to) {
        std::string text = good;
        text.replace(text.find(from), from.size(), to);
        return verdict_of(text);
    };
    CHECK(bent("", "") == VerdictCode::valid);
    CHECK(bent("{", "[") == VerdictCode::malformed_envelope);
    CHECK(bent(R"("overlap_seconds":3600)", R"("overlap_seconds":3601)") ==
          VerdictCode::hash_mismatch);
    CHECK(bent(R"("signature_b64u":"X)", R"("signature_b64u":"Y)") ==
          VerdictCode::signature_invalid);
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {R"("snapshot_version":"1")", R"("snapshot_version":"2")"},
             {"12:00:00.000Z", "12:00:00.001Z"},
             {"kts_1772625600_", "kts_1772625601_"},
             {R"("signer_kid":"21fe31dfa154a261")", R"("signer_kid":"39f713d0a644253f")"},
             {R"("overlap_seconds":3600)", R"("overlap_seconds":3600,"more":1)"},
             {R"("overlap_seconds":3600)", R"("overlap_seconds":-1)"},
             {R"("not_after_unix":)", R"("not_after":)"},
             {R"("expiring_kids":[)", R"("expiring_kids":[1,)"}}) {
        INFO(from << " to " << to);
        CHECK(bent(from, to) == VerdictCode::schema_validation_failed);
    }
    CHECK(claw::verify_key_snapshot(good, {}).verdict.code == VerdictCode::claim_not_found);
    CHECK(claw::verify_key_snapshot(std::string(claw::kMaxSnapshotBytes + 1, ' '), golden_keys())
              .verdict.code == VerdictCode::malformed_envelope);
}

TEST_CASE("key snapshot: lists that contradict each other are refused though they are signed",
          "[claw]") {
    const std::string other = "00000000000000aa";
    CHECK(verdict_with([](auto&) {}) == VerdictCode::valid);
    const auto refused = [](auto change) {
        return verdict_with(change) == VerdictCode::schema_validation_failed;
    };
    CHECK(refused([&](auto& kids) { kids.accepted_kids.push_back(other); }));
    CHECK(refused([&](auto& kids) { kids.signing_kids.push_back(other); }));
    CHECK(refused([&](auto& kids) { kids.verify_only_kids.clear(); }));
    CHECK(refused([&](auto& kids) { kids.accepted_kids.push_back(kids.active_kid); }));
    CHECK(refused([&](auto& kids) { kids.verify_only_kids.push_back(kids.active_kid); }));
    CHECK(refused([&](auto& kids) { kids.active_kid = kids.verify_only_kids.front(); }));
    CHECK(refused([&](auto& kids) { kids.expiring_kids.push_back({other, 1}); }));
    CHECK(refused([&](auto& kids) { kids.expiring_kids.push_back(kids.expiring_kids.front()); }));
    CHECK(refused([&](auto& kids) { kids.accepted_kids.front() = "no kid"; }));
}
