#include "base/file.h"
#include "claw/log_state.h"
#include "ledger/log.h"
#include "support/comes_true.h"
#include "support/test_ledger.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <string>

using namespace clawsigner;
using std::chrono::seconds;
using tests::artefact;
using tests::TestLedger;

TEST_CASE("log: a state table that was edited is found at the next start, by name", "[ledger]") {
    struct Edit {
        const char* sql;
        const char* told;
    };
    for (const Edit& edit : {
             Edit{"DELETE FROM spent WHERE leaf = 300", "table spent: the row of leaf 300"},
             Edit{"UPDATE spent SET id = x'00112233445566778899aabbccddeeff' WHERE leaf = 7",
                  "table spent: the row of leaf 7"},
             Edit{"INSERT INTO spent VALUES (1000, x'00', NULL)", "table spent: no leaf explains"},
             Edit{"UPDATE setting SET value = 'x' WHERE name = 'colour'",
                  "table setting: no leaf explains the row colour"},
             Edit{"INSERT INTO setting VALUES ('more', 'x', 3)",
                  "table setting: no leaf explains the row more"},
             Edit{"DELETE FROM setting", "table setting"},
             Edit{"UPDATE progress SET spent_sha256 = zeroblob(32)", "table progress"},
             Edit{"UPDATE leaf SET body = CAST(replace(body, 'role.proxy', 'role.issuer') AS BLOB) "
                  "WHERE idx = 9",
                  "leaf 9 is not the one in its tile"},
             Edit{"DELETE FROM leaf WHERE idx = 9", "leaf 9 is missing"},
             Edit{"DELETE FROM tile", "tile/0/000 is missing"},
             Edit{"INSERT INTO tile VALUES (1, zeroblob(8192))",
                  "table tile: it has 2 tiles, 400 leaves make 1"},
             Edit{"UPDATE tile SET hashes = zeroblob(8192)", "leaf 0 is not the one in its tile"},
         }) {
        TestLedger on;
        on.put(claw::SettingLeaf{"colour", "green"}).value();
        std::vector<ledger::Entry> entries;
        for (int i = 1; i < 400; ++i) {
            entries.push_back({{{artefact("id" + std::to_string(i)), {}}}});
        }
        REQUIRE(ledger::record(*on.log, std::move(entries), base::deadline_in(seconds(10))).ok());
        REQUIRE(on.damage().empty());
        on.edit(edit.sql);
        CAPTURE(edit.sql);
        CHECK_THAT(on.damage(), Catch::Contains(edit.told));
        CHECK(on.put(artefact("late")).error().code == ErrorCode::ledger_damaged);
        CHECK(on.log->ready().error().code == ErrorCode::ledger_damaged);
    }
}

namespace {

/// Flips a bit of a name where it stands in a page of an index, and not in its table's row.
void flip_in_index(const std::filesystem::path& file, const claw::SpentName& name) {
    constexpr std::size_t kPage = 4096;
    constexpr char kLeafOfIndex = 0x0a;  // sqlite.org/fileformat2.html, section 1.6
    std::string bytes = base::read_file(file, std::size_t{64} << 20U).value();
    const std::string wanted(name.begin(), name.end());
    int flipped = 0;
    for (std::size_t at = bytes.find(wanted); at != std::string::npos;
         at = bytes.find(wanted, at + 1)) {
        if (bytes[at / kPage * kPage] == kLeafOfIndex) {
            bytes[at] = static_cast<char>(bytes[at] ^ 1);
            ++flipped;
        }
    }
    REQUIRE(flipped == 1);
    std::ofstream(file, std::ios::binary) << bytes;
}

}  // namespace

TEST_CASE("log: an index that does not lead to what was spent is found at the next start",
          "[ledger]") {
    const bool by_id = GENERATE(true, false);
    TestLedger on;
    const claw::ArtefactLeaf spent = tests::with_nonce("id", "nonce");
    on.put(spent).value();
    on.log.reset();
    const auto rows = claw::rows_of(0, {UnixMillis(), spent}).value();
    flip_in_index(on.directory / "ledger.db", by_id ? rows.spent->id : *rows.spent->nonce);
    CHECK(on.damage() == "table spent: its indexes do not lead to the row of leaf 0");
    CHECK(on.put(artefact("late")).error().code == ErrorCode::ledger_damaged);
}

TEST_CASE("log: rows that only wait for a leaf do not stop it", "[ledger]") {
    TestLedger on;
    on.put(artefact("one")).value();
    on.edit(
        "INSERT INTO answer VALUES (3, 'not its answer', 9999999999);"
        "UPDATE progress SET probe = 9223372036854775807");
    CHECK(on.damage().empty());
    for (const char* id : {"two", "three", "four", "five"}) {
        CHECK(on.put(artefact(id), "its answer").ok());
    }
}

TEST_CASE("log: where a log was begun, a file without tables is a loss and no new log",
          "[ledger]") {
    TestLedger on;
    on.put(artefact("one")).value();
    SECTION("the file was emptied") {
        on.log.reset();
        std::filesystem::resize_file(on.directory / "ledger.db", 0);
    }
    SECTION("all of it was in a write-ahead log that is gone") {
        const auto young = base::read_file(on.directory / "ledger.db", std::size_t{64} << 20U);
        on.log.reset();
        std::ofstream(on.directory / "ledger.db", std::ios::binary) << young.value();
    }
    const auto opened = on.attempt();
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().code == ErrorCode::ledger_damaged);
    CHECK_THAT(opened.error().message, Catch::Contains("is empty, and a log was begun here"));
}

TEST_CASE("log: a state leaf says what the leaves before it make", "[ledger]") {
    TestLedger on;
    on.open(10);
    for (int i = 0; i < 25; ++i) {
        on.put(artefact("id" + std::to_string(i))).value();
    }
    CHECK(on.log->head()->size() == 27);  // two more
    CHECK(on.damage().empty());
    // Within the tail no tile holds it, and no checkpoint: only what it says can be wrong.
    on.edit(
        "UPDATE leaf SET body = CAST(replace(body, '\"spent_sha256\":\"', "
        "'\"spent_sha256\":\"' || 'A') AS BLOB) WHERE idx = 10");
    CHECK_THAT(on.damage(), Catch::Contains("leaf 10"));
}

TEST_CASE("log: a file that is removed, replaced or cut off under it stops it within a second",
          "[ledger]") {
    for (const std::string_view what : {"removed", "replaced", "cut off"}) {
        TestLedger on;
        on.put(artefact("a")).value();
        const auto file = on.directory / "ledger.db-wal";
        if (what == "removed") {
            std::filesystem::remove(file);
        } else if (what == "replaced") {
            std::filesystem::copy_file(file, on.directory / "copy");
            std::filesystem::rename(on.directory / "copy", file);
        } else {
            std::filesystem::resize_file(file, 100);
        }
        REQUIRE(tests::comes_true([&] { return !on.log->ready().ok(); }, seconds(1)));
        CHECK(on.log->ready().error().code == ErrorCode::ledger_damaged);
        CHECK_THAT(on.log->status().why->message, Catch::Contains(std::string(what)));
    }
}

TEST_CASE("log: a file that is cut off is noticed before anything is written behind it",
          "[ledger]") {
    TestLedger on;
    on.put(artefact("a")).value();
    std::filesystem::resize_file(on.directory / "ledger.db-wal", 100);
    CHECK(on.put(artefact("b")).error().code == ErrorCode::ledger_damaged);
}

TEST_CASE("log: a ledger that is gone is not begun anew", "[ledger]") {
    TestLedger on;
    on.put(artefact("a")).value();
    on.log.reset();
    std::filesystem::remove(on.directory / "ledger.db");
    const auto opened = on.attempt();
    CHECK(opened.error().code == ErrorCode::ledger_damaged);
    CHECK_THAT(opened.error().message, Catch::Contains("is gone"));
}

TEST_CASE("log: another program that writes to the database stops it", "[ledger]") {
    TestLedger on;
    on.put(artefact("a")).value();
    auto other =
        ledger::Database::open(on.directory / "ledger.db", ledger::Database::Mode::write).value();
    REQUIRE(other.execute("DELETE FROM spent").ok());
    CHECK(on.put(artefact("a")).error().code == ErrorCode::ledger_damaged);
}

TEST_CASE("log: one directory has one ledger", "[ledger]") {
    const TestLedger on;
    CHECK(on.attempt().error().code == ErrorCode::io_failed);
}

TEST_CASE("log: a newer version's file is left alone", "[ledger]") {
    TestLedger on;
    on.edit("PRAGMA user_version = 99");
    const auto opened = on.attempt();
    CHECK(opened.error().code == ErrorCode::ledger_damaged);
    CHECK_THAT(opened.error().message, Catch::Contains("newer"));
}

TEST_CASE("log: a document that was changed or taken away is not there, by its digest",
          "[ledger]") {
    TestLedger on;
    const auto [sql, what] = GENERATE(table<const char*, std::string>(
        {{"UPDATE document SET body = CAST('other' AS BLOB)", "was changed"},
         {"DELETE FROM document", "is missing"}}));
    on.put_document("text");
    on.edit(sql);
    CHECK(on.damage().empty());
    const Error why = on.log->document(crypto::sha256("text")).error();
    CHECK(why.code == ErrorCode::not_found);
    CHECK(why.message == "the ledger's document " + crypto::sha256_b64u("text") + " " + what);
    on.put_document("text");  // again
    CHECK(on.log->document(crypto::sha256("text")).value() == "text");
}

TEST_CASE("log: a file of version 1 is copied aside and gets its table of documents", "[ledger]") {
    TestLedger on;
    on.put(artefact("a")).value();
    on.edit("DROP TABLE document; PRAGMA user_version = 1");
    CHECK(on.damage().empty());
    CHECK(std::filesystem::exists(on.directory / "ledger.db.v1"));
    on.put_document("text");
    CHECK(on.log->document(crypto::sha256("text")).value() == "text");
    CHECK(on.put(artefact("a")).error().code == ErrorCode::id_reused);
}
