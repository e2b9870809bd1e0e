#include "ledger/prune.h"

#include "claw/checkpoint.h"
#include "claw/pruned.h"
#include "ledger/log.h"
#include "service/published_tiles.h"
#include "support/comes_true.h"
#include "support/fixed_clock.h"
#include "support/software_key.h"
#include "support/temp_dir.h"
#include "support/test_ledger.h"

#include <catch2/catch.hpp>

#include <set>
#include <string_view>

using namespace clawsigner;
using ledger::Health;
using tests::artefact;
using tests::comes_true;
using tests::with_nonce;

namespace {

using std::chrono::seconds;

constexpr std::uint64_t kReceipts = 600;
constexpr std::uint64_t kUntil = 512;

claw::ActLeaf set_row(const std::string& name, std::optional<std::string> value) {
    claw::ActLeaf leaf;
    leaf.act = "test.set";
    leaf.subject = name;
    leaf.set[name] = std::move(value);
    return leaf;
}

/// A log of a setting, a row, kReceipts receipts, a nonce's receipt among them, and a `state` leaf.
struct Ledger : tests::TestLedger {
    Ledger() {
        put(claw::SettingLeaf{"colour", "green"}).value();
        put(set_row("test/old", "x")).value();
        put(with_nonce("bound", "n"), "answer bound").value();
        std::vector<ledger::Entry> entries;
        for (std::uint64_t i = 0; i < kReceipts; ++i) {
            entries.push_back({{{artefact("id" + std::to_string(i)), {}}}});
        }
        (void)ledger::record(*log, std::move(entries), base::deadline_in(seconds(10))).value();
        REQUIRE(log->close(base::deadline_in(seconds(10))).ok());
        open();
    }

    void approve_pruning() {
        put(set_row(std::string(claw::kPrunedRow), claw::pruned_value(kUntil))).value();
    }
    /// A checkpoint over all that is there, and over the leaves that name its key.
    void sign() {
        const auto signer = tests::SoftwareKey::golden();
        const auto key = claw::NoteKey::of("test.log/1", signer.public_key()).value();
        if (!log->setting("origin")) {
            put(claw::SettingLeaf{"origin", key.name()}).value();
            put(claw::SettingLeaf{"log_key", key.text()}).value();
        }
        const auto head = log->head();
        const auto body =
            claw::CheckpointBody::of({key.name(), head->size(), head->root()}).value();
        const std::vector<claw::NoteSignature> signatures{{key, signer.sign(body.text())}};
        REQUIRE(log->publish({body.note(signatures), head}, base::deadline_in(seconds(10))).ok());
    }
    void prune() {
        approve_pruning();
        sign();
    }
    /// The leaves below the point whose bodies are in the file.
    std::set<std::uint64_t> bodies() const {
        auto database =
            ledger::Database::open(directory / "ledger.db", ledger::Database::Mode::read).value();
        auto rows = database.prepare("SELECT idx FROM leaf WHERE idx < ?").value();
        rows.bind(1, static_cast<std::int64_t>(kUntil));
        std::set<std::uint64_t> found;
        while (rows.next().value()) {
            found.insert(static_cast<std::uint64_t>(rows.integer(0)));
        }
        return found;
    }
};

const std::set<std::uint64_t> kWithState{0, 1};  // the setting and the row
const std::set<std::uint64_t> kWithAnswer{0, 1, 2};

}  // namespace

TEST_CASE("prune: bodies below the point go, those that made state stay", "[ledger]") {
    Ledger on;
    const auto root = on.log->head()->root();
    const auto size = on.log->head()->size();
    CHECK(on.bodies().size() == kUntil);
    on.clock.advance(seconds(301));  // nobody can ask again
    on.prune();
    CHECK(comes_true([&] { return on.bodies() == kWithState; }));
    CHECK(on.log->status().health == Health::good);
    CHECK(on.damage().empty());
    CHECK(on.log->settings()->at("test/old").leaf == 1);
    CHECK(on.log->head()->size() == size + 3);
    on.sign();
    const service::PublishedTiles tiles(*on.log, *on.log->published()->head);
    CHECK(claw::root_at(size, tiles).value() == root);
}

TEST_CASE("prune: nothing goes before a checkpoint covers the leaf that says so", "[ledger]") {
    Ledger on;
    on.clock.advance(seconds(301));
    on.sign();
    on.approve_pruning();
    on.put(artefact("another")).value();
    CHECK(on.bodies().size() == kUntil);
    on.open();
    CHECK(on.damage().empty());
    CHECK(on.bodies().size() == kUntil);
    on.sign();
    CHECK(comes_true([&] { return on.bodies() == kWithState; }));
}

TEST_CASE("prune: what is spent stays spent, and is known", "[ledger]") {
    Ledger on;
    on.clock.advance(seconds(301));
    on.prune();
    CHECK(comes_true([&] { return on.bodies() == kWithState; }));
    on.open();
    CHECK(on.put(artefact("id7")).error().code == ErrorCode::id_reused);
    const auto again = on.put(with_nonce("other", "n"), "answer other");
    CHECK(again.error().code == ErrorCode::nonce_reused);
    CHECK_THAT(again.error().message, Catch::Contains("pruned"));
    CHECK(on.put(artefact("new")).ok());
    CHECK(on.damage().empty());
}

TEST_CASE("prune: a receipt that can be asked for again keeps its body until it cannot",
          "[ledger]") {
    Ledger on;
    on.prune();
    CHECK(comes_true([&] { return on.bodies() == kWithAnswer; }));
    const auto again = on.put(with_nonce("other", "n"), "answer other").value();
    CHECK(std::get<ledger::Replayed>(again).answers == std::vector<std::string>{"answer bound"});
    on.clock.advance(seconds(301));
    on.open();
    CHECK(comes_true([&] { return on.bodies() == kWithState; }));
}

TEST_CASE("prune: what was not finished is finished after the next start", "[ledger]") {
    Ledger on;
    on.clock.advance(seconds(301));
    on.edit("CREATE TABLE before AS SELECT * FROM leaf");
    on.open();
    on.prune();
    CHECK(comes_true([&] { return on.bodies() == kWithState; }));
    on.edit("INSERT INTO leaf SELECT * FROM before WHERE idx BETWEEN 200 AND 400");
    on.open();
    CHECK(comes_true([&] { return on.bodies() == kWithState; }));
    CHECK(on.damage().empty());
}

TEST_CASE("prune: a step is one bundle, and says where to go on", "[ledger]") {
    Ledger on;
    on.clock.advance(seconds(301));
    on.log.reset();
    auto database =
        ledger::Database::open(on.directory / "ledger.db", ledger::Database::Mode::write).value();
    const auto now = on.clock.now();
    const auto first = ledger::drop_bodies(database, 0, kUntil, now).value();
    CHECK(first.next == 256);
    CHECK(first.dropped == 254);
    const auto second = ledger::drop_bodies(database, first.next, kUntil, now).value();
    CHECK(second.next == 512);
    CHECK(second.dropped == 256);
    const auto again = ledger::drop_bodies(database, 0, kUntil, now).value();
    CHECK(again.next == kUntil);
    CHECK(again.dropped == 0);
}

TEST_CASE("prune: what is edited below the point is found at the next start, by name", "[ledger]") {
    struct Edit {
        const char* sql;
        const char* told;
    };
    for (const Edit& edit : {
             Edit{"DELETE FROM spent WHERE leaf = 300", "rows of pruned leaves are not what leaf"},
             Edit{"UPDATE spent SET id = x'00112233445566778899aabbccddeeff' WHERE leaf = 7",
                  "rows of pruned leaves are not what leaf"},
             Edit{"INSERT INTO spent VALUES (1, x'00112233445566778899aabbccddeeff', NULL)",
                  "no leaf explains the row of leaf 1"},
             Edit{"UPDATE spent SET nonce = x'00' WHERE leaf = 9", "the row of leaf 9"},
             Edit{"UPDATE setting SET value = 'y' WHERE name = 'test/old'",
                  "table setting: no leaf explains the row test/old"},
             Edit{"DELETE FROM leaf WHERE idx = 1", "leaf 604 states another state"},
             Edit{"UPDATE leaf SET body = CAST(replace(body, 'green', 'white') AS BLOB) WHERE idx "
                  "= 0",
                  "leaf 0 is not the one in its tile"},
             Edit{"DELETE FROM leaf WHERE idx = 512", "leaf 512 is missing"},
             Edit{"UPDATE setting SET value = '768' WHERE name = 'pruned/until'",
                  "table setting: no leaf explains the row pruned/until"},
             Edit{"DELETE FROM setting WHERE name = 'pruned/until'", "leaf 2 is missing"},
         }) {
        Ledger on;
        on.clock.advance(seconds(301));
        on.prune();
        REQUIRE(comes_true([&] { return on.bodies() == kWithState; }));
        REQUIRE(on.damage().empty());
        on.edit(edit.sql);
        CAPTURE(edit.sql);
        CHECK_THAT(on.damage(), Catch::Contains(edit.told));
        CHECK(on.log->ready().error().code == ErrorCode::ledger_damaged);
    }
}
